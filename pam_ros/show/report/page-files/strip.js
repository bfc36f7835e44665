// SPDX-License-Identifier: Apache-2.0
"use strict";

/** The whole recording as a strip: its episodes, marks of people, what the charts show, and now. */
class Strip {
  constructor(canvas, run, onSeek) {
    Object.assign(this, { canvas, run });
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      onSeek(this.timeAt(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) onSeek(this.timeAt(event));
      if (event.pointerType === "mouse") this.read(event);
    });
    canvas.addEventListener("pointerleave", tip.hide);
    canvas.addEventListener("wheel", (event) => turnWheel(run.view, event, this.timeAt(event)), { passive: false });
    run.view.listeners.push(() => this.draw());
  }

  timeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left - 8) / (box.width - 16), 0), 1) * this.run.end;
  }

  read(event) {
    const { run } = this, time = this.timeAt(event), list = run.episodeList;
    const lines = [{ text: `${time.toFixed(2)} s` }];
    if (list.length > 1) lines.push({ text: list[run.episodeAt(nearestIndex(run.times, time))].text });
    const near = 6 * run.end / this.canvas.clientWidth;
    for (const mark of run.marks) if (Math.abs(mark.time - time) < near) lines.push({ text: mark.text });
    tip.show(event, lines);
  }

  /** Green where the goal was reached, red where it was missed. */
  draw() {
    const { canvas, run } = this, scale = devicePixelRatio || 1, wide = canvas.clientWidth;
    if (!wide) return;
    canvas.width = Math.round(wide * scale);
    canvas.height = Math.round(34 * scale);
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    const x = (time) => 8 + time / Math.max(run.end, 1e-6) * (wide - 16);
    for (const { begin, end, number, result } of run.episodeList) {
      const left = x(begin), width = Math.max(2, x(end) - left - 1);
      context.fillStyle = colour(result ? (result === "reached" ? "--good" : "--bad") : "--latent");
      context.fillRect(left, 12, width, 14);
      context.fillStyle = colour("--page");
      if (width > 7 * String(number).length + 4) context.fillText(number, left + width / 2, 23);
    }
    context.fillStyle = colour("--mark");
    for (const mark of run.marks) {
      const at = x(mark.time);
      context.fillRect(at - 1, 2, 2, 28);
      context.beginPath(); context.moveTo(at, 2); context.lineTo(at + 9, 6); context.lineTo(at, 10); context.fill();
    }
    context.strokeStyle = colour("--accent");
    context.strokeRect(x(run.view.begin), 10, x(run.view.until) - x(run.view.begin), 18);
    context.fillStyle = colour("--cursor");
    context.fillRect(x(run.times[run.shown]) - 1, 6, 2, 26);
  }
}

/** A list of the episodes: what the charts show; and the ways to the one before and the next. */
class EpisodeChooser {
  constructor(root, run, goTo) {
    Object.assign(this, { run, goTo });
    const list = run.episodeList;
    this.select = root.querySelector("select");
    this.select.append(new Option(`All ${list.length} episodes`, ""));
    list.forEach((episode, place) => this.select.append(new Option(episode.text, place)));
    this.select.addEventListener("change", () => this.choose(this.select.value));
    root.querySelector(".before").addEventListener("click", () => this.step(-1));
    root.querySelector(".after").addEventListener("click", () => this.step(1));
    run.view.listeners.push(() => this.tell());
    root.hidden = list.length < 2;
  }

  /** Show an episode alone, by its place in the list, from its first tick; "": all. */
  choose(place) {
    if (place === "") { this.run.view.set(0, this.run.end); return; }
    const { begin, end, first } = this.run.episodeList[place];
    this.run.view.set(begin, end);
    this.goTo(first);
  }

  step(by) {
    const list = this.run.episodeList, here = this.run.episodeAt(this.run.shown);
    // Back from within an episode leads to its own start.
    const place = here + (by < 0 && this.run.shown > list[here].first ? 0 : by);
    if (place < 0 || place >= list.length) return;
    if (this.select.value === "") this.goTo(list[place].first); else this.choose(place);
  }

  /** Which one the view shows alone, if it does. */
  tell() {
    const { view, episodeList } = this.run, near = (one, other) => Math.abs(one - other) < 0.25;
    const place = episodeList.findIndex(({ begin, end }) => near(begin, view.begin) && near(end, view.until));
    this.select.value = place < 0 ? "" : place;
  }
}
