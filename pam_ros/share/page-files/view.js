// SPDX-License-Identifier: Apache-2.0
"use strict";

/** A view shows no less [s]. */
const LEAST_SPAN = 0.2;

/** The part of a recording that its charts show [s], and where the mouse points in it. */
class View {
  constructor(end) {
    this.end = Math.max(end, 1e-3);
    this.charts = [];
    this.listeners = [];
    this.pointed = null;
    [this.begin, this.until] = [0, this.end];
  }

  /** Show this part, as far as there is such a part. */
  set(begin, end) {
    const span = Math.min(Math.max(end - begin, LEAST_SPAN), this.end);
    const from = Math.min(Math.max(begin, 0), this.end - span);
    this.show(from, from + span);
    for (const listener of this.listeners) listener(this);
  }

  /** Show exactly this part, also beyond the ends. */
  show(begin, until) {
    [this.begin, this.until] = [begin, until];
    for (const chart of this.charts) chart.refresh();
  }

  zoom(factor, about) {
    const span = (this.until - this.begin) * factor;
    const part = (about - this.begin) / (this.until - this.begin);
    this.set(about - part * span, about + (1 - part) * span);
  }

  move(by) { this.set(this.begin + by, this.until + by); }

  /** Moves along where the time would be outside. */
  follow(time) {
    if (time >= this.begin && time <= this.until) return;
    const span = this.until - this.begin;
    this.set(time - 0.1 * span, time + 0.9 * span);
  }

  /** Where the mouse is [s], in all charts; null: nowhere. */
  point(time) {
    this.pointed = time;
    for (const chart of this.charts) chart.redraw();
  }
}

/** What a turn of the wheel does to a view whose element shows the time `about` at the mouse. */
function turnWheel(view, event, about) {
  event.preventDefault();
  const span = view.until - view.begin;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    view.move(0.1 * span * Math.sign(event.deltaX || event.deltaY));
  } else {
    view.zoom(event.deltaY > 0 ? 1.25 : 0.8, about);
  }
}
