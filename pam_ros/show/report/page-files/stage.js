// SPDX-License-Identifier: Apache-2.0
"use strict";

/** Times of the container are rounded [s]. */
const SLACK = 0.0005;

/** The bytes of a base64 text. */
function bytes(element) {
  const text = element.textContent.trim();
  element.remove();
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const plain = atob(text);
  const array = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) array[i] = plain.charCodeAt(i);
  return array;
}

/** The last index whose time is at most t; 0 before the first. */
function indexAt(times, t) {
  let low = 0, high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= t) low = middle; else high = middle - 1;
  }
  return low;
}

/** For each of `size` pixels the cell before it, and how far it is on the way to the next. */
function between(size, source, cells, first, step) {
  const before = new Int32Array(size), part = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const pixel = (i + 0.5) * source / size - 0.5;
    const place = Math.min(Math.max((pixel - first) / step, 0), cells - 1);
    before[i] = Math.min(Math.floor(place), Math.max(cells - 2, 0));
    part[i] = place - before[i];
  }
  return { before, part };
}

/** One camera: its picture from the video's frame, and the heat of its map on it. */
class Camera {
  constructor(spec, heat, cells, root) {
    this.spec = spec;
    this.heat = heat;
    this.grids = spec.grids;
    this.cells = cells;
    const panel = spec.panel || { x: 0, width: 320, height: 240 };
    this.panel = panel;
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const label = document.createElement("b");
    label.textContent = spec.name;
    this.readout = document.createElement("span");
    caption.append(label, this.readout);
    this.canvas = document.createElement("canvas");
    this.canvas.width = panel.width;
    this.canvas.height = panel.height;
    this.canvas.dataset.camera = spec.name;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `Camera ${spec.name} with heat`);
    figure.append(caption, this.canvas);
    // A row of cameras is as high everywhere, whatever their proportions.
    figure.style.flexGrow = panel.width / panel.height;
    root.append(figure);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.layer = document.createElement("canvas");
    this.layer.width = panel.width;
    this.layer.height = panel.height;
    this.layerContext = this.layer.getContext("2d");
    this.image = this.layerContext.createImageData(panel.width, panel.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.placed = null;
    this.plain = document.createElement("canvas");
    this.plain.width = panel.width;
    this.plain.height = panel.height;
  }

  /** Draw these maps from now on: units and scales of each tick, and grids of cells. */
  use(heat, grids) {
    [this.heat, this.grids, this.placed] = [heat, grids, null];
  }

  /** The grid of a tick's own map, and where its cells begin; or of the maps that are drawn. */
  grid(tick, grids = this.spec.grids) {
    let found = null;
    for (const grid of grids) if (grid.first <= tick) found = grid;
    if (!found) return null;
    const size = found.rows * found.cols;
    return { ...found, at: found.offset + (tick - found.first) * size, size };
  }

  /** The mass of a cell, as a part of 1. */
  mass(tick, grid, row, col) {
    return this.cells[grid.at + row * grid.cols + col] / 255 * this.heat.units[tick];
  }

  /** Where a cell looks, on this canvas [pixels]. */
  place(grid, row, col) {
    const [height, width] = grid.image_size;
    const x = grid.placing[0] + col * grid.placing[2], y = grid.placing[1] + row * grid.placing[3];
    return [(x + 0.5) * this.panel.width / width, (y + 0.5) * this.panel.height / height];
  }

  /** As overlay.py: linear between the centres of cells, held beyond the outermost. */
  drawHeat(tick, table, dimmed = 1) {
    const grid = this.grid(tick, this.grids);
    const scale = this.heat.scales[tick];
    if (!grid || !scale) return;
    const { width, height } = this.panel, { rows, cols } = grid;
    if (!this.placed || this.placed.first !== grid.first) {
      const [sourceHeight, sourceWidth] = grid.image_size;
      this.placed = {
        first: grid.first,
        x: between(width, sourceWidth, cols, grid.placing[0], grid.placing[2]),
        y: between(height, sourceHeight, rows, grid.placing[1], grid.placing[3]),
      };
    }
    const factor = this.heat.units[tick] / scale;
    const wide = new Float32Array(rows * width);
    const { before, part } = this.placed.x;
    for (let row = 0; row < rows; row++) {
      const at = grid.at + row * cols;
      for (let x = 0; x < width; x++) {
        const left = before[x], right = Math.min(left + 1, cols - 1);
        const one = Math.min(this.cells[at + left] * factor, 255);
        const other = Math.min(this.cells[at + right] * factor, 255);
        wide[row * width + x] = one + (other - one) * part[x];
      }
    }
    for (let y = 0; y < height; y++) {
      const top = this.placed.y.before[y] * width, share = this.placed.y.part[y];
      const below = Math.min(this.placed.y.before[y] + 1, rows - 1) * width;
      for (let x = 0; x < width; x++) {
        const level = wide[top + x] + (wide[below + x] - wide[top + x]) * share;
        this.pixels[y * width + x] = table[Math.round(level)];
      }
    }
    this.layerContext.putImageData(this.image, 0, 0);
    this.context.globalAlpha = dimmed;
    this.context.drawImage(this.layer, 0, 0);
    this.context.globalAlpha = 1;
  }

  drawBorder(share, pixels) {
    if (!(share > 0)) return;
    const { width, height } = this.panel, context = this.context;
    const size = this.spec.grids.length ? this.spec.grids[0].image_size : [height, width];
    let border = Math.min(pixels, Math.floor(size[0] / 8), Math.floor(size[1] / 8));
    border = Math.round(border * width / size[1]);
    context.save();
    context.globalAlpha = Math.min(share, 1);
    context.fillStyle = "#ff00ff";
    context.fillRect(0, 0, width, border);
    context.fillRect(0, height - border, width, border);
    context.fillRect(0, border, border, height - 2 * border);
    context.fillRect(width - border, border, border, height - 2 * border);
    context.restore();
  }

  ring(grid, row, col) {
    const [x, y] = this.place(grid, row, col);
    const radius = 0.55 * grid.placing[2] * this.panel.width / grid.image_size[1];
    for (const [colour, width] of [["#000", 5], ["#fff", 2.5]]) {
      this.context.strokeStyle = colour;
      this.context.lineWidth = width;
      this.context.beginPath();
      this.context.arc(x, y, Math.max(6, radius), 0, 2 * Math.PI);
      this.context.stroke();
    }
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
      shares: data.shares, state: data.shares["joint state"],
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
    // Also comes where a seek ends at the end; only after playing does it mean to stop there.
    video.addEventListener("ended", () => {
      if (!this.playing) return;
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
    const colours = this.data.heat.colours, table = new Uint32Array(256);
    const channels = new Uint8Array(table.buffer);
    for (let level = 0; level < 256; level++) {
      for (let c = 0; c < 3; c++) channels[4 * level + c] = colours[3 * level + c];
      channels[4 * level + 3] = Math.round(alpha * level);
    }
    this.table = table;
  }

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
    if (this.tick >= this.times.length - 1) this.seek(0);
    this.playing = true;
    this.video.playbackRate = speed;
    this.video.play();
    if (!this.video.requestVideoFrameCallback) this.listen();
  }

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
      const { x, width, height } = camera.panel;
      const context = camera.context;
      context.fillStyle = "#484848";
      context.fillRect(0, 0, width, height);
      if (camera.spec.panel && camera.spec.pictures && !this.broken && this.video.readyState >= 2) {
        context.drawImage(this.video, x, 0, width, height, 0, 0, width, height);
      }
      camera.plain.getContext("2d").drawImage(camera.canvas, 0, 0);
      const map = maps[tick], own = map === tick;
      if (this.heatOn && map !== null) {
        const part = own ? 1 : this.data.dimmed;
        camera.drawHeat(map, this.table, part);
        camera.drawBorder(state ? part * state[map] : 0, this.data.heat.border);
      }
      const curve = this.feature;
      const grid = camera.grid(tick);
      if (curve && grid && curve.camera[tick] === index && curve.values[tick] > 0) {
        camera.ring(grid, curve.row[tick], curve.col[tick]);
      }
      const share = map === null ? null : shares[camera.spec.name][map];
      const age = map === null ? 0 : this.times[tick] - this.times[map];
      const stale = this.data.stale[tick] && this.data.stale[tick][camera.spec.name];
      camera.readout.textContent = (stale ? "earlier picture · " : "")
        + (share === null ? "no map" : `${(100 * share).toFixed(1)} %`)
        + (own || map === null ? "" : ` · map ${age.toFixed(age < 1 ? 2 : 1)} s old`);
      camera.readout.className = stale || !own ? "warn" : "";
      camera.canvas.dataset.map = map === null ? "" : map;
      camera.canvas.dataset.tick = tick;
    }
    this.root.dataset.tick = tick;
    this.onShown(tick, true);
  }

  redraw() {
    if (this.tick >= 0) this.draw(this.tick);
  }
}
