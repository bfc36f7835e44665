// SPDX-License-Identifier: Apache-2.0
"use strict";

/*
 * A map on a picture, as attention/overlay.py draws it. A grid is
 * {rows, cols, image_size: [height, width], placing: [x0, y0, dx, dy]}: the cell (row, col) is centred on
 * the pixel (x0 + col dx, y0 + row dy) of a picture of image_size.
 */

/** 256 colours with their opacity, as ImageData takes them; colours: 3 x 256 bytes, from no heat to full. */
function heatTable(colours, alpha) {
  const table = new Uint32Array(256), channels = new Uint8Array(table.buffer);
  for (let level = 0; level < 256; level++) {
    for (let c = 0; c < 3; c++) channels[4 * level + c] = colours[3 * level + c];
    channels[4 * level + 3] = Math.round(alpha * level);
  }
  return table;
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

/** Where a cell looks, on a picture of this size [pixels]. */
function placeOfCell(grid, row, col, { width, height }) {
  const [sourceHeight, sourceWidth] = grid.image_size;
  const x = grid.placing[0] + col * grid.placing[2], y = grid.placing[1] + row * grid.placing[3];
  return [(x + 0.5) * width / sourceWidth, (y + 0.5) * height / sourceHeight];
}

/** The cell that is drawn at a pixel: the nearest. */
function cellAtPlace(grid, x, y, { width, height }) {
  const [sourceHeight, sourceWidth] = grid.image_size;
  const nearest = (place, size, source, first, step, cells) =>
    Math.min(Math.max(Math.round(((place + 0.5) * source / size - 0.5 - first) / step), 0), cells - 1);
  return {
    row: nearest(y, height, sourceHeight, grid.placing[1], grid.placing[3], grid.rows),
    col: nearest(x, width, sourceWidth, grid.placing[0], grid.placing[2], grid.cols),
  };
}

/** Draws maps of one size of picture; keeps what the same grid needs again. */
class HeatLayer {
  constructor(width, height) {
    Object.assign(this, { width, height, placed: null });
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /**
   * Linear between the centres of cells, held beyond the outermost.
   * cells: rows x cols numbers from index `at` on; times `factor` they are levels of the table.
   */
  draw(context, grid, cells, at, factor, table, dimmed = 1) {
    const { width, height } = this, { rows, cols } = grid;
    const [sourceHeight, sourceWidth] = grid.image_size;
    if (!this.placed || this.placed.grid !== grid.key) {
      this.placed = {
        grid: grid.key,
        x: between(width, sourceWidth, cols, grid.placing[0], grid.placing[2]),
        y: between(height, sourceHeight, rows, grid.placing[1], grid.placing[3]),
      };
    }
    const wide = new Float32Array(rows * width);
    const { before, part } = this.placed.x;
    for (let row = 0; row < rows; row++) {
      const begin = at + row * cols;
      for (let x = 0; x < width; x++) {
        const left = before[x], right = Math.min(left + 1, cols - 1);
        const one = Math.min(cells[begin + left] * factor, 255);
        const other = Math.min(cells[begin + right] * factor, 255);
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
    this.context.putImageData(this.image, 0, 0);
    context.globalAlpha = dimmed;
    context.drawImage(this.canvas, 0, 0);
    context.globalAlpha = 1;
  }
}

/** The joint state's share: magenta, as opaque as it is large; `size` pixels of the map's own picture. */
const STATE_COLOUR = "#ff00ff";
function drawStateBorder(context, { width, height }, share, size) {
  if (!(share > 0)) return;
  context.save();
  context.globalAlpha = Math.min(share, 1);
  context.fillStyle = STATE_COLOUR;
  context.fillRect(0, 0, width, size);
  context.fillRect(0, height - size, width, size);
  context.fillRect(0, size, size, height - 2 * size);
  context.fillRect(width - size, size, size, height - 2 * size);
  context.restore();
}
