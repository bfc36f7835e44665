// SPDX-License-Identifier: Apache-2.0
"use strict";

/**
 * Curves over time with a cursor.
 * lines: [{label, color, times, values, gap, dash, width}], color a name of palette.css, values null where
 * there is none, no line across more than gap [s]; stacked adds them up, from 0 to 1. onSeek(time) is told of
 * clicks, onPoint(time or null) where the mouse is. peers: an array that charts of one y-axis share. plan(tick): see
 * drawPlan; with holdsPlan the axis has room for it.
 */
class Chart {
  constructor(root, options) {
    Object.assign(this, {
      height: 120, stacked: false, digits: 2, peaks: [], episodes: [], unit: "", time: 0, tick: 0,
      peers: [], onPoint: (time) => this.view.point(time),
    }, options);
    this.peers.push(this);
    this.figure = document.createElement("figure");
    this.figure.className = "chart";
    const caption = document.createElement("figcaption");
    const title = document.createElement("h2");
    title.textContent = this.title + (this.unit ? ` [${this.unit}]` : "");
    this.legend = document.createElement("span");
    this.legend.className = "legend";
    caption.append(title, this.legend);
    this.outputs = this.lines.map((line) => {
      const entry = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.borderColor = `var(${line.color})`;
      if (line.dash) swatch.className = "dash";
      const value = document.createElement("output");
      entry.append(swatch, `${line.label} `, value);
      if (this.lines.length > 1 || line.label) this.legend.append(entry);
      return value;
    });
    this.canvas = document.createElement("canvas");
    this.canvas.style.height = `${this.height}px`;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", this.describe());
    this.figure.append(caption, this.canvas);
    root.append(this.figure);
    this.context = this.canvas.getContext("2d");
    this.still = document.createElement("canvas");
    this.view.charts.push(this);
    new ResizeObserver(() => this.refresh()).observe(this.canvas);
    this.listen();
  }

  /** A press goes there, a drag follows, the mouse reads values, the wheel and two fingers zoom. */
  listen() {
    const { canvas, view } = this, fingers = new Map();
    // The wheel scrolls the page, which is full of charts, until one of them was clicked.
    let taken = false, span = 0;
    canvas.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event.clientX);
      taken = true;
      canvas.setPointerCapture(event.pointerId);
      if (fingers.size === 1) this.onSeek(this.timeAt(event.clientX, true));
      span = this.apart(fingers);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event.clientX);
      if (fingers.size === 2) {
        const now = this.apart(fingers), middle = [...fingers.values()].reduce((a, b) => a + b) / 2;
        if (span > 8 && now > 8) view.zoom(span / now, this.timeAt(middle));
        span = now;
      } else if (event.buttons & 1) {
        this.onSeek(this.timeAt(event.clientX));
      }
      if (event.pointerType === "mouse") this.read(event);
    });
    const lift = (event) => fingers.delete(event.pointerId);
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("pointerleave", () => {
      taken = false;
      this.leave();
    });
    canvas.addEventListener("dblclick", () => view.set(0, view.end));
    canvas.addEventListener("wheel", (event) => {
      if (taken || event.ctrlKey || event.metaKey) turnWheel(view, event, this.timeAt(event.clientX));
    }, { passive: false });
  }

  apart(fingers) {
    const [one, other] = fingers.values();
    return other === undefined ? 0 : Math.abs(one - other);
  }

  /** Values where the mouse is: a box beside it, and a line through all charts. */
  read(event) {
    const time = this.timeAt(event.clientX);
    this.onPoint(time);
    const lines = this.lines.map((line) => ({
      text: line.label || this.title, color: line.color, value: this.text(line, this.valueAt(line, time)),
    }));
    // Areas stand on each other: the uppermost first.
    tip.show(event, [{ text: `${time.toFixed(2)} s` }, ...(this.stacked ? lines.reverse() : lines)]);
  }

  leave() {
    this.onPoint(null);
    tip.hide();
  }

  /** A line's value at a time; null in a gap and beyond the ends. */
  valueAt(line, time) {
    const at = nearestIndex(line.times, time);
    return Math.abs(line.times[at] - time) > line.gap ? null : line.values[at] ?? null;
  }

  text(line, value) {
    if (value === null || value === undefined) return "–";
    return this.stacked ? `${(100 * value).toFixed(1)} %` : value.toFixed(this.digits);
  }

  describe() {
    const parts = this.lines.map((line) => {
      const known = line.values.filter((v) => v !== null);
      if (!known.length) return `${line.label}: nothing`;
      const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
      return `${line.label || this.title} from ${low.toFixed(this.digits)} to ${high.toFixed(this.digits)}`;
    });
    return `${this.title}${this.unit ? ` in ${this.unit}` : ""}: ${parts.join("; ")}`;
  }

  /** Lowest and highest of what the view shows; null where that is nothing. */
  bounds() {
    let low = Infinity, high = -Infinity;
    for (const { times, values } of this.lines) {
      const to = Math.min(indexAt(times, this.view.until) + 1, times.length - 1);
      for (let i = Math.max(indexAt(times, this.view.begin) - 1, 0); i <= to; i++) {
        const value = values[i];
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    for (const [, value] of (this.holdsPlan && this.plan && this.plan(this.tick)) || []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return low <= high ? [low, high] : null;
  }

  /** The y-axis follows the view; charts that are peers have the same one. */
  range() {
    if (this.stacked) { [this.low, this.high] = [0, 1]; return; }
    const all = this.peers.map((chart) => chart.bounds()).filter(Boolean);
    let low = Math.min(...all.map(([least]) => least)), high = Math.max(...all.map(([, most]) => most));
    if (this.fromZero) low = Math.min(0, low);
    if (!(high > low)) { low = Number.isFinite(low) ? low - 0.5 : 0; high = low + 1; }
    const room = 0.06 * (high - low);
    this.low = this.fromZero ? low : low - room;
    this.high = high + room;
  }

  get left() { return this.small ? 38 : 44; }

  timeAt(clientX, snap = false) {
    const box = this.canvas.getBoundingClientRect();
    const part = (clientX - box.left - this.left) / (box.width - this.left - 6);
    const time = this.view.begin + Math.min(Math.max(part, 0), 1) * (this.view.until - this.view.begin);
    if (!snap) return time;
    const reach = 6 * (this.view.until - this.view.begin) / (box.width - this.left - 6);
    const near = this.peaks.find((peak) => Math.abs(peak.time - time) < reach);
    return near ? near.time : time;
  }

  x(time) {
    const { begin, until } = this.view;
    return this.left + (time - begin) / (until - begin) * (this.wide - this.left - 6);
  }

  y(value) {
    const bottom = this.height - 18;
    return bottom - (value - this.low) / (this.high - this.low) * (bottom - 8);
  }

  /** All that does not depend on the cursor, on a canvas of its own. */
  refresh() {
    const scale = window.devicePixelRatio || 1;
    this.wide = this.canvas.clientWidth;
    if (!this.wide) return;
    this.range();
    const { begin, until } = this.view, { low, high } = this;
    Object.assign(this.figure.dataset, { low, high, begin, until });
    for (const canvas of [this.canvas, this.still]) {
      canvas.width = Math.round(this.wide * scale);
      canvas.height = Math.round(this.height * scale);
    }
    const context = this.still.getContext("2d");
    context.scale(scale, scale);
    this.axes(context);
    context.save();
    context.beginPath();
    context.rect(this.left, 0, this.wide - this.left - 4, this.height - 17);
    context.clip();
    if (this.stacked) this.areas(context);
    else for (const line of this.lines) this.line(context, line);
    context.restore();
    this.points(context);
    this.redraw();
  }

  axes(context) {
    const bottom = this.height - 18;
    context.font = "11px system-ui, sans-serif";
    context.strokeStyle = colour("--line");
    context.fillStyle = colour("--soft");
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const rows = ticks(this.low, this.high, Math.max(2.5, this.height / 30));
    for (const value of rows.found) {
      const y = Math.round(this.y(value)) + 0.5;
      context.globalAlpha = 0.6;
      context.beginPath(); context.moveTo(this.left, y); context.lineTo(this.wide - 6, y); context.stroke();
      context.globalAlpha = 1;
      const text = this.stacked ? `${Math.round(100 * value)} %` : value.toFixed(rows.digits);
      context.fillText(text, this.left - 5, y);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const columns = ticks(this.view.begin, this.view.until, Math.max(2, this.wide / 110));
    for (const time of columns.found) {
      const x = Math.min(Math.max(this.x(time), this.left + 10), this.wide - 16);
      context.fillText(`${time.toFixed(columns.digits)} s`, x, this.height - 4);
    }
    for (const begin of this.episodes) {
      if (begin <= this.view.begin || begin > this.view.until) continue;
      const x = Math.round(this.x(begin)) + 0.5;
      context.beginPath(); context.moveTo(x, 4); context.lineTo(x, bottom); context.stroke();
    }
  }

  /** Where several samples fall on one pixel their lowest and highest are drawn. */
  path(context, line, value) {
    const { times } = line;
    const from = Math.max(indexAt(times, this.view.begin) - 1, 0);
    const to = Math.min(indexAt(times, this.view.until) + 1, times.length - 1);
    const alone = [];
    let open = false, pixel = -1, low = 0, high = 0;
    for (let i = from; i <= to; i++) {
      const v = value(i);
      const gap = i > from && times[i] - times[i - 1] > line.gap;
      if (v === null) { open = false; continue; }
      const x = this.x(times[i]), y = this.y(v);
      if ((!open || gap) && this.ends(line, i)) alone.push([x, y]);
      if (!open || gap) {
        context.moveTo(x, y);
        [open, pixel, low, high] = [true, Math.round(x), y, y];
      } else if (Math.round(x) === pixel) {
        if (y < low) { low = y; context.lineTo(x, y); }
        if (y > high) { high = y; context.lineTo(x, y); }
      } else {
        context.lineTo(x, y);
        [pixel, low, high] = [Math.round(x), y, y];
      }
    }
    return alone;
  }

  /** Whether nothing follows a value: the next is missing, or far away. */
  ends(line, i) {
    const { times, values, gap } = line;
    return i + 1 >= times.length || values[i + 1] === null || times[i + 1] - times[i] > gap;
  }

  line(context, line) {
    context.strokeStyle = colour(line.color);
    context.lineWidth = line.width || 1.6;
    context.lineJoin = "round";
    context.setLineDash(line.dash || []);
    context.beginPath();
    const alone = this.path(context, line, (i) => line.values[i]);
    context.stroke();
    context.setLineDash([]);
    // A value between two gaps is no line.
    context.fillStyle = context.strokeStyle;
    for (const [x, y] of alone) {
      context.beginPath();
      context.arc(x, y, Math.max(2, context.lineWidth), 0, 2 * Math.PI);
      context.fill();
    }
  }

  areas(context) {
    const sums = new Float64Array(this.lines[0].values.length);
    const { times, gap } = this.lines[0];
    const from = Math.max(indexAt(times, this.view.begin) - 1, 0);
    const to = Math.min(indexAt(times, this.view.until) + 1, times.length - 1);
    for (const line of this.lines) {
      context.fillStyle = colour(line.color);
      let begin = from;
      for (let i = from; i <= to; i++) {
        const ends = i === to || line.values[i + 1] === null || times[i + 1] - times[i] > gap;
        if (line.values[i] === null) { begin = i + 1; continue; }
        if (!ends) continue;
        if (begin === i) {
          const top = this.y(sums[i] + line.values[i]);
          context.fillRect(this.x(times[i]) - 1.5, top, 3, this.y(sums[i]) - top);
          begin = i + 1;
          continue;
        }
        context.beginPath();
        for (let k = begin; k <= i; k++) context.lineTo(this.x(times[k]), this.y(sums[k]));
        for (let k = i; k >= begin; k--) {
          context.lineTo(this.x(times[k]), this.y(sums[k] + line.values[k]));
        }
        context.fill();
        // A line between areas: their colours need not tell all.
        context.strokeStyle = colour("--panel");
        context.lineWidth = 1;
        context.beginPath();
        for (let k = begin; k <= i; k++) context.lineTo(this.x(times[k]), this.y(sums[k] + line.values[k]));
        context.stroke();
        begin = i + 1;
      }
      for (let i = from; i <= to; i++) sums[i] += line.values[i] || 0;
    }
  }

  /** Peaks as triangles at the top, marks of people as flags. */
  points(context) {
    const flag = (time, fill, draw) => {
      if (time < this.view.begin || time > this.view.until) return;
      context.fillStyle = fill;
      context.beginPath();
      draw(this.x(time));
      context.fill();
    };
    for (const peak of this.peaks) {
      flag(peak.time, colour("--ink"), (x) => {
        context.moveTo(x, 8); context.lineTo(x - 4, 1); context.lineTo(x + 4, 1);
      });
    }
    for (const mark of this.marks || []) {
      flag(mark.time, colour("--mark"), (x) => context.rect(x - 1, 0, 2, this.height - 18));
    }
  }

  cursor(time, tick) {
    [this.time, this.tick] = [time, tick];
    this.redraw();
    this.lines.forEach((line, index) => {
      const at = line.perTick ? tick : indexAt(line.times, time);
      const text = this.text(line, line.values[at]);
      if (this.outputs[index].textContent !== text) this.outputs[index].textContent = text;
    });
  }

  /** What changes often: the plan, the cursor and where the mouse points. */
  redraw() {
    if (!this.wide) return;
    const context = this.context, scale = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.still, 0, 0);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    if (this.plan) this.drawPlan(context, this.plan(this.tick));
    this.upright(context, this.time, "--cursor", []);
    if (this.view.pointed !== null) this.upright(context, this.view.pointed, "--soft", [3, 3]);
  }

  /** A line through all heights at a time. */
  upright(context, time, name, dash) {
    if (time < this.view.begin || time > this.view.until) return;
    const x = Math.round(this.x(time)) + 0.5;
    context.strokeStyle = colour(name);
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath(); context.moveTo(x, 0); context.lineTo(x, this.height - 18); context.stroke();
    context.setLineDash([]);
  }

  /** What the policy planned at the cursor: [[time, value], ...]. */
  drawPlan(context, plan) {
    if (!plan) return;
    context.save();
    context.beginPath();
    context.rect(this.left, 0, this.wide - this.left - 4, this.height - 17);
    context.clip();
    context.strokeStyle = colour("--c3");
    context.lineWidth = 2;
    context.beginPath();
    for (const [time, value] of plan) context.lineTo(this.x(time), this.y(value));
    context.stroke();
    context.restore();
  }
}
