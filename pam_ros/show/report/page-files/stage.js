// SPDX-License-Identifier: Apache-2.0
"use strict";

/** Times of the container are rounded [s]. */
const SLACK = 0.0005;

/** One camera of the recording: the picture, and which cells belong to a tick. */
class Camera {
  constructor(spec, heat, cells, root) {
    Object.assign(this, { spec, heat, cells, grids: spec.grids });
    this.panel = spec.panel || { x: 0, width: 320, height: 240 };
    this.picture = new Picture(root, spec.name, this.panel);
  }

  /** Draw these maps from now on: units and scales of each tick, and grids of cells. */
  use(heat, grids) {
    [this.heat, this.grids] = [heat, grids];
  }

  /** The grid of a tick's own map, and where its cells begin; or of the maps that are drawn. */
  grid(tick, grids = this.spec.grids) {
    let found = null;
    for (const grid of grids) if (grid.first <= tick) found = grid;
    if (!found) return null;
    const size = found.rows * found.cols;
    return { ...found, key: found, at: found.offset + (tick - found.first) * size, size };
  }

  drawHeat(tick, table, dimmed = 1) {
    const grid = this.grid(tick, this.grids), scale = this.heat.scales[tick];
    if (!grid || !scale) return;
    this.picture.heat(grid, this.cells, grid.at, this.heat.units[tick] / scale, table, dimmed);
  }

  /** The cell at a place of the picture, of the map that is drawn: {row, col, mass, level}; null: none. */
  cellAt(tick, x, y) {
    const grid = tick === null ? null : this.grid(tick, this.grids), scale = tick === null ? 0 : this.heat.scales[tick];
    if (!grid || !scale) return null;
    const { row, col } = cellAtPlace(grid, x, y, this.panel);
    const mass = this.cells[grid.at + row * grid.cols + col] / 255 * this.heat.units[tick];
    return { row, col, mass, level: mass / scale };
  }

  drawBorder(share, pixels) {
    this.picture.border(share, pixels, this.spec.grids.length ? this.spec.grids[0].image_size : undefined);
  }
}

/** The cameras and the video behind them. Shows one tick at a time, and says which. */
class Stage {
  constructor(data, cells, video, root, onShown) {
    this.data = data;
    this.times = data.times;
    this.video = video;
    this.onShown = onShown;
    this.cameras = data.cameras.map((spec) => new Camera(spec, data.heat, cells, root));
    this.own = {
      target: data.target, units: data.heat.units, scales: data.heat.scales, maps: data.maps,
      grids: Object.fromEntries(data.cameras.map((spec) => [spec.name, spec.grids])),
      shares: data.shares, state: data.shares["joint state"], looks: data.looks,
    };
    this.chosen = this.own;
    this.heatOn = true;
    this.feature = null;
    this.playing = false;
    this.tick = -1;
    this.wanted = 0;
    this.root = root;
    this.presented = -1;
    this.timer = 0;
    this.setOpacity(data.heat.alpha);
    this.listen();
    video.addEventListener("seeked", () => this.arrived());
    video.addEventListener("loadeddata", () => this.arrived());
    video.addEventListener("error", () => {
      root.insertAdjacentText("beforeend", "This browser cannot play H.264 video. ");
      this.broken = true;
      this.draw(this.wanted);
    });
    // Also comes where a seek ends at the end, and after somebody has begun again: only after playing
    // that is still at its end does it mean to stop there.
    video.addEventListener("ended", () => {
      if (!this.playing || !video.ended) return;
      this.tick = this.times.length - 1;
      this.pause();
    });
  }

  /** Show the maps of one of data.targets; null: the ticks' own. */
  choose(target) {
    this.chosen = target || this.own;
    for (const camera of this.cameras) camera.use(this.chosen, this.chosen.grids[camera.spec.name] || []);
    this.redraw();
  }

  setOpacity(alpha) {
    this.opacity = alpha;
    this.table = heatTable(this.data.heat.colours, alpha);
  }

  /** The tick whose map is drawn; null where there is none. */
  get map() { return this.tick < 0 ? null : this.chosen.maps[this.tick]; }

  /** Go to a tick: its frame is shown as soon as it is decoded. */
  seek(tick) {
    this.wanted = Math.min(Math.max(tick, 0), this.times.length - 1);
    this.onShown(this.wanted, false);
    if (this.broken) { this.draw(this.wanted); return; }
    if (this.video.seeking || this.video.readyState < 1) return;
    this.go();
  }

  go() {
    // Well within the frame's time, whatever the container's rounding.
    const next = this.times[this.wanted + 1] ?? this.times[this.wanted] + 0.02;
    this.video.currentTime = this.times[this.wanted] + Math.min(0.4 * (next - this.times[this.wanted]), 0.02);
  }

  /** A seek has ended; the frame that is drawn then may still be the one before it. */
  arrived() {
    if (this.video.seeking) return;
    const there = indexAt(this.times, this.video.currentTime + SLACK);
    if (!this.playing && there !== this.wanted) { this.go(); return; }
    clearTimeout(this.timer);
    if (this.presented === there || !this.video.requestVideoFrameCallback) this.draw(there);
    else this.timer = setTimeout(() => this.draw(there), 400);
  }

  /** Called by the browser for every frame that it has put up. */
  present(time) {
    this.presented = indexAt(this.times, time + SLACK);
    this.root.dataset.frame = this.presented;
    this.listen();
    if (this.video.seeking) return;
    if (this.playing) this.wanted = this.presented;
    if (this.presented !== this.wanted) return;
    clearTimeout(this.timer);
    this.draw(this.presented);
  }

  listen() {
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((_, frame) => this.present(frame.mediaTime));
    } else if (this.playing) {
      requestAnimationFrame(() => this.present(this.video.currentTime));
    }
  }

  play(speed) {
    if (this.video.ended || this.tick >= this.times.length - 1) {
      this.seek(0);
      // A seek to the end may be under way; once this plays, nothing would follow it.
      if (!this.broken && this.video.seeking) this.go();
    }
    this.playing = true;
    this.video.playbackRate = speed;
    this.video.play();
    if (!this.video.requestVideoFrameCallback) this.listen();
  }

  /** Whether it moves: at the end of the video it does not, even before the browser has said so. */
  get moves() { return this.playing && !this.video.ended; }

  pause() {
    this.playing = false;
    this.video.pause();
    this.seek(this.tick);
  }

  /** Every camera of one tick; the video stands at its frame. */
  draw(tick) {
    this.tick = tick;
    const { state, maps, shares } = this.chosen;
    for (const [index, camera] of this.cameras.entries()) {
      const seen = camera.spec.panel && camera.spec.pictures && !this.broken && this.video.readyState >= 2;
      camera.picture.show(seen ? this.video : null, camera.panel.x);
      const map = maps[tick], own = map === tick;
      if (this.heatOn && map !== null) {
        const part = own ? 1 : this.data.dimmed;
        camera.drawHeat(map, this.table, part);
        camera.drawBorder(state ? part * state[map] : 0, this.data.heat.border);
      }
      const curve = this.feature;
      const grid = camera.grid(tick);
      if (curve && grid && curve.camera[tick] === index && curve.values[tick] > 0) {
        camera.picture.ring(grid, curve.row[tick], curve.col[tick]);
      }
      const share = map === null ? null : shares[camera.spec.name][map];
      const age = map === null ? 0 : this.times[tick] - this.times[map];
      const stale = this.data.stale[tick] && this.data.stale[tick][camera.spec.name];
      camera.picture.say((stale ? "earlier picture · " : "")
        + (share === null ? "no map" : `${(100 * share).toFixed(1)} %`)
        + (own || map === null ? "" : ` · map ${age.toFixed(age < 1 ? 2 : 1)} s old`), stale || !own);
      camera.picture.canvas.dataset.map = map === null ? "" : map;
      camera.picture.canvas.dataset.tick = tick;
    }
    this.root.dataset.tick = tick;
    this.onShown(tick, true);
  }

  redraw() {
    if (this.tick >= 0) this.draw(this.tick);
  }
}
