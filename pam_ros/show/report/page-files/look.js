// SPDX-License-Identifier: Apache-2.0
"use strict";

/** Fields of a look that are said with their name, as AttentionMap and the parameters call them. */
const LOOK_FIELDS = ["layer", "head", "query", "denoising"];

/** What the heat beside it is: method, layer and head, what the colours mean, and the border. */
class LookLine {
  constructor(root, stage) {
    this.stage = stage;
    const box = document.createElement("div");
    box.className = "look";
    this.how = document.createElement("p");
    this.how.className = "how";
    const scale = document.createElement("div");
    scale.className = "scale";
    this.bar = new ColourBar(scale);
    this.border = document.createElement("p");
    this.border.className = "border";
    const swatch = document.createElement("i");
    this.borderShare = document.createElement("output");
    this.border.append(swatch, "magenta border: the joint state's share, ", this.borderShare);
    this.swatch = swatch;
    scale.append(this.border);
    box.append(this.how, scale);
    root.append(box);
    this.useOpacity();
  }

  useOpacity() { this.bar.use(this.stage.table); }

  /** The look of the map that is drawn. */
  show() {
    const { chosen, map } = this.stage;
    const look = map === null ? null : lookAt(chosen.looks, map);
    const scale = map === null ? 0 : chosen.scales[map];
    this.how.replaceChildren(...(look ? saidOf(look) : ["no map here"]));
    this.bar.figure.hidden = !scale;
    if (scale) {
      const what = look && look.unit ? "attribution" : look && look.method === "spatial_softmax" ? "mass" : "attention";
      this.bar.say(percent(scale / 2), percent(scale), `of all ${what}, on one cell`);
    }
    const share = map === null || !chosen.state ? null : chosen.state[map];
    this.border.hidden = share === null || share === undefined;
    if (this.border.hidden) return;
    this.borderShare.textContent = percent(share);
    this.swatch.style.borderColor = `rgb(255 0 255 / ${share})`;
  }

  /** Beside the mouse, what a cell has. */
  point(event, cell) {
    this.bar.mark(cell ? cell.level : null);
    if (!cell) { tip.hide(); return; }
    tip.show(event, [
      { text: `cell ${cell.row}, ${cell.col}`, value: percent(cell.mass) },
      { text: "of full heat", value: `${Math.round(100 * Math.min(cell.level, 1))} %` },
    ]);
  }
}

/** The look of a tick; null before the first map. */
function lookAt(looks, tick) {
  let found = null;
  for (const [since, place] of looks.since) if (since <= tick) found = looks.all[place];
  return found;
}

/** A share with as many digits as tell something. */
function percent(share) {
  const value = 100 * share;
  return `${value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3)} %`;
}

/** A look in words, as nodes. */
function saidOf(look) {
  const method = document.createElement("b");
  method.textContent = look.method || "unnamed method";
  const parts = [method];
  if (look.target) parts.push(` of ${look.target}${look.unit ? ` [${look.unit}]` : ""}`);
  if (look.baseline) parts.push(` · compared with ${look.baseline}`);
  for (const name of LOOK_FIELDS) {
    // A gradient method's query says once more what it was compared with.
    if (look[name] && !(name === "query" && look.baseline)) parts.push(` · ${name} ${look[name]}`);
  }
  if (look.instruction) parts.push(` · told “${look.instruction}”`);
  const asked = look.method_asked && look.method_asked !== look.method ? `${look.method_asked} was asked for` : "";
  const why = [asked, look.method_reason].filter(Boolean).join(": ");
  if (why) parts.push(` · ${why}`);
  return parts;
}
