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

/** The part of the recording that all charts show [s]. */
class View {
  constructor(end) {
    this.end = Math.max(end, 1e-3);
    this.charts = [];
    this.set(0, this.end);
  }

  set(begin, end) {
    const span = Math.min(Math.max(end - begin, 0.2), this.end);
    this.begin = Math.min(Math.max(begin, 0), this.end - span);
    this.until = this.begin + span;
    for (const chart of this.charts) chart.refresh();
  }

  zoom(factor, about) {
    const span = (this.until - this.begin) * factor;
    const part = (about - this.begin) / (this.until - this.begin);
    this.set(about - part * span, about + (1 - part) * span);
  }

  /** Moves along where the time would be outside. */
  follow(time) {
    if (time >= this.begin && time <= this.until) return;
    const span = this.until - this.begin;
    this.set(time - 0.1 * span, time + 0.9 * span);
  }
}
