// SPDX-License-Identifier: Apache-2.0
"use strict";

const NO_PICTURE = "#484848";

/** A camera's figure: its name, a line of what is known of it, and its picture with heat on it. */
class Picture {
  constructor(root, name, { width, height }) {
    Object.assign(this, { name, width, height });
    this.figure = document.createElement("figure");
    this.figure.className = "picture";
    const caption = document.createElement("figcaption"), label = document.createElement("b");
    label.textContent = name;
    this.readout = document.createElement("span");
    this.enlarger = document.createElement("button");
    this.enlarger.type = "button";
    this.enlarger.textContent = "⤢";
    this.enlarger.title = `Enlarge ${name}`;
    this.enlarger.setAttribute("aria-pressed", "false");
    caption.append(label, this.readout, this.enlarger);
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    this.canvas.dataset.camera = name;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `Camera ${name} with heat`);
    this.figure.append(caption, this.canvas);
    // A row of cameras is as high everywhere, whatever their proportions.
    this.figure.style.flexGrow = width / height;
    this.figure.style.setProperty("--ratio", width / height);
    for (const element of [this.enlarger, this.canvas]) element.addEventListener("click", () => this.enlarge());
    root.append(this.figure);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.layer = new HeatLayer(width, height);
    /** The picture alone, for whoever draws something else on it. */
    this.plain = document.createElement("canvas");
    this.plain.width = width;
    this.plain.height = height;
  }

  /** The picture, without heat: of `source` what begins at x; grey where there is no source. */
  show(source, x = 0) {
    const { context, width, height } = this;
    context.fillStyle = NO_PICTURE;
    context.fillRect(0, 0, width, height);
    if (source) context.drawImage(source, x, 0, width, height, 0, 0, width, height);
    this.plain.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  /** As wide as there is room, the other pictures of its row below it; or as it was. */
  enlarge(large = !this.figure.classList.contains("large")) {
    for (const other of this.figure.parentElement.children) {
      const chosen = large && other === this.figure;
      other.classList.toggle("large", chosen);
      other.querySelector("figcaption button").setAttribute("aria-pressed", String(chosen));
    }
    this.figure.parentElement.classList.toggle("enlarged", large);
    this.figure.dispatchEvent(new CustomEvent("enlarge", { bubbles: true, detail: large }));
  }

  /** Tell where the mouse is on the picture [its pixels], and when it has left. */
  onPoint(listener, leave) {
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      const box = this.canvas.getBoundingClientRect();
      const part = (at, begin, size) => Math.min(Math.max((at - begin) / size, 0), 1);
      listener(event, part(event.clientX, box.left, box.width) * this.width,
        part(event.clientY, box.top, box.height) * this.height);
    });
    this.canvas.addEventListener("pointerleave", leave);
  }

  /** See HeatLayer. */
  heat(grid, cells, at, factor, table, dimmed = 1) {
    this.layer.draw(this.context, grid, cells, at, factor, table, dimmed);
  }

  /** The joint state's share; `pixels` of a picture of imageSize [height, width]. */
  border(share, pixels, imageSize = [this.height, this.width]) {
    const most = Math.min(pixels, Math.floor(imageSize[0] / 8), Math.floor(imageSize[1] / 8));
    drawStateBorder(this.context, this, share, Math.round(most * this.width / imageSize[1]));
  }

  /** A ring around a cell. */
  ring(grid, row, col) {
    const [x, y] = placeOfCell(grid, row, col, this);
    const radius = 0.55 * grid.placing[2] * this.width / grid.image_size[1];
    for (const [stroke, width] of [["#000", 5], ["#fff", 2.5]]) {
      this.context.strokeStyle = stroke;
      this.context.lineWidth = width;
      this.context.beginPath();
      this.context.arc(x, y, Math.max(6, radius), 0, 2 * Math.PI);
      this.context.stroke();
    }
  }

  /** The line beside the name. */
  say(text, warns = false) {
    this.readout.textContent = text;
    this.readout.className = warns ? "warn" : "";
  }
}
