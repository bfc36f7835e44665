// SPDX-License-Identifier: Apache-2.0
"use strict";

/** The last index whose time is at most t; 0 before the first. */
function indexAt(times, t) {
  let low = 0, high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= t) low = middle; else high = middle - 1;
  }
  return low;
}

/** The index whose time is nearest to t. */
function nearestIndex(times, t) {
  const before = indexAt(times, t), after = Math.min(before + 1, times.length - 1);
  return Math.abs(times[after] - t) < Math.abs(times[before] - t) ? after : before;
}

/** Round steps for an axis. */
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) || 10 * power;
  const found = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step) found.push(v);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}
