// SPDX-License-Identifier: Apache-2.0
"use strict";

const MOMENT_GROUPS = [
  ["Marked while running", ["annotation"]], ["Episodes", ["reached", "missed"]],
  ["Attention", ["shares", "entropy"]], ["Commands", ["gap", "latency", "forward"]],
  ["Unlike the training set", ["ood"]], ["Features", ["feature"]],
];

/** Links to the moments of a recording; goTo(time) is told of clicks. */
function makeMoments(run, root, goTo) {
  for (const [title, kinds] of MOMENT_GROUPS) {
    const moments = run.data.moments.filter((moment) => kinds.includes(moment.kind));
    if (!moments.length) continue;
    const heading = document.createElement("h3"), list = document.createElement("ul");
    heading.textContent = title;
    for (const moment of moments) {
      const item = document.createElement("li"), link = document.createElement("a");
      const time = document.createElement("b");
      time.textContent = `${run.times[moment.tick].toFixed(1)} s`;
      link.href = run.index ? "#" : `#t=${run.times[moment.tick].toFixed(3)}`;
      link.dataset.tick = moment.tick;
      link.className = moment.kind;
      link.append(time, ` ${moment.text}${moment.value ? ` ${moment.value}` : ""}`);
      link.addEventListener("click", (event) => {
        // Addresses are in the first recording's time.
        if (run.index) event.preventDefault();
        goTo(run.times[moment.tick]);
      });
      item.append(link);
      list.append(item);
    }
    root.append(heading, list);
  }
  return [...root.querySelectorAll("a[data-tick]")];
}
