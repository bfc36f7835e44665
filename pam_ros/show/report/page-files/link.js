// SPDX-License-Identifier: Apache-2.0
"use strict";

/** Ways in which the time of one recording answers to that of the first. */
const LINKS = {
  stamps: "by their stamps",
  start: "from their first ticks on",
  episode: "from the starts of their episodes on",
};

/** Time that several recordings share: that of the first one, which leads. */
class Link {
  constructor(runs) {
    this.runs = runs;
    const [leader, ...others] = runs;
    const overlaps = (run) => {
      const shift = run.data.start - leader.data.start;
      return shift < leader.end && shift + run.end > 0;
    };
    this.ways = Object.keys(LINKS).filter((way) => way !== "stamps" || others.every(overlaps));
    this.way = this.ways[0];
    leader.view.listeners.push(() => this.follow());
    for (const run of others) {
      // What is done to another's charts is done to the first's.
      run.view.set = (begin, until) => leader.view.set(begin + this.shift(run), until + this.shift(run));
    }
  }

  get leader() { return this.runs[0]; }

  /** What is added to a run's time to get the leader's [s]. */
  shift(run) {
    const leader = this.leader;
    if (run === leader || this.way === "start") return 0;
    if (this.way === "stamps") return run.data.start - leader.data.start;
    const number = leader.episodeAt(leader.shown), own = Math.min(number, run.episodeList.length - 1);
    return leader.episodeList[number].begin - run.episodeList[own].begin;
  }

  /** The tick of a run that is nearest to a time of the leader. */
  tick(run, time) { return nearestIndex(run.times, time - this.shift(run)); }

  /** Charts of all runs show what the leader's show; their y-axes are measured when all are there. */
  follow() {
    const { begin, until } = this.leader.view;
    for (const run of this.runs.slice(1)) {
      [run.view.begin, run.view.until] = [begin - this.shift(run), until - this.shift(run)];
    }
    for (const run of this.runs) for (const chart of run.charts) chart.refresh();
  }

  /** Where the mouse is in one run's charts, in all. */
  point(run, time) {
    for (const other of this.runs) {
      other.view.point(time === null ? null : time + this.shift(run) - this.shift(other));
    }
  }
}
