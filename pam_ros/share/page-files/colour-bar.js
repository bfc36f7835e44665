// SPDX-License-Identifier: Apache-2.0
"use strict";

/** What the colours of heat stand for: a bar from nothing to full heat, with what a cell has then. */
class ColourBar {
  constructor(root) {
    this.figure = document.createElement("div");
    this.figure.className = "colour-bar";
    this.canvas = document.createElement("canvas");
    this.canvas.width = 256;
    this.canvas.height = 12;
    this.canvas.setAttribute("role", "img");
    const labels = document.createElement("p");
    [this.none, this.half, this.full] = ["0", "", ""].map((text) => {
      const label = document.createElement("span");
      label.textContent = text;
      labels.append(label);
      return label;
    });
    this.what = document.createElement("p");
    this.figure.append(this.canvas, labels, this.what);
    root.append(this.figure);
    this.level = null;
  }

  /** The table of heatTable; the picture below is taken for a middle grey. */
  use(table) {
    this.table = table;
    this.draw();
  }

  /** What a cell of half and of full heat has, such as "0.6 %" and "1.2 %", and of what. */
  say(half, full, what) {
    this.half.textContent = half;
    this.full.textContent = full;
    this.what.textContent = what;
    this.canvas.setAttribute("aria-label", `Colours from no heat to full heat: 0 to ${full} ${what}`);
  }

  /** Mark a level from 0 to 1; null: none. */
  mark(level) {
    this.level = level;
    this.draw();
  }

  draw() {
    const context = this.canvas.getContext("2d"), { width, height } = this.canvas;
    const channels = new Uint8Array(this.table.buffer);
    context.fillStyle = "#808080";
    context.fillRect(0, 0, width, height);
    for (let x = 0; x < width; x++) {
      const [red, green, blue, alpha] = channels.subarray(4 * x, 4 * x + 4);
      context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
      context.fillRect(x, 0, 1, height);
    }
    if (this.level === null) return;
    const x = Math.round(Math.min(Math.max(this.level, 0), 1) * (width - 1));
    context.fillStyle = "#000";
    context.fillRect(x - 2, 0, 5, height);
    context.fillStyle = "#fff";
    context.fillRect(x - 1, 0, 3, height);
  }
}
