// SPDX-License-Identifier: Apache-2.0
/* global colour, theme */

const METHODS = {
  cross_attention: "What the actions read of the tokens",
  encoder_attention: "What the tokens read of each other",
  rollout: "What the actions read, followed back to the encoder's input",
  joint_attention: "What the actions read of the tokens and of each other",
  spatial_softmax: "Where keypoints lie: no attention",
  contribution: "Which pixels made the chunk what it is",
  token_contribution: "Which tokens made the chunk what it is",
  auto: "The most faithful map that the machine keeps at this rate",
};
const SCALES = {
  tick: "Full heat is this tick's strongest cell",
  running: "Full heat is a percentile of the last ticks' cells",
  uniform: "Full heat is a multiple of what uniform attention gives a cell",
};
const ANEW = { attention_layer: -1, attention_head: "mean", attention_query: "mean" };

const words = (name) => name.replaceAll("_", " ");

function button(label, title, pressed, click) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.title = title;
  made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", click);
  return made;
}

/** Steps of a chunk, or tokens: one by a click, some by drawing along, all by a button. */
class Strip {
  constructor(count, label, choose) {
    Object.assign(this, { count, choose, begin: null, end: null });
    this.canvas = document.createElement("canvas");
    this.canvas.className = "strip";
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${label}: 0 to ${count - 1}; the field beside it takes the same`);
    let from = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      from = this.at(event);
      this.mark(from, from + 1);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (from !== null) this.mark(...this.range(from, this.at(event)));
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [begin, end] = this.range(from, this.at(event));
      from = null;
      this.choose(begin, end);
    });
    this.canvas.addEventListener("pointercancel", () => { from = null; });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  range(one, other) { return [Math.min(one, other), Math.max(one, other) + 1]; }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    return Math.min(Math.max(Math.floor(part * this.count), 0), this.count - 1);
  }

  mark(begin, end) {
    [this.begin, this.end] = [begin, end];
    this.draw();
  }

  draw() {
    const wide = this.canvas.clientWidth, high = this.canvas.clientHeight;
    if (!wide) return;
    const scale = devicePixelRatio || 1, context = this.canvas.getContext("2d");
    this.canvas.width = Math.round(wide * scale);
    this.canvas.height = Math.round(high * scale);
    context.scale(scale, scale);
    if (this.begin !== null) {
      context.fillStyle = colour("--accent");
      const x = this.begin / this.count * wide;
      context.fillRect(x, 0, Math.max((this.end - this.begin) / this.count * wide, 3), high);
    }
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colour("--soft");
    const label = this.begin === null ? "all" : this.end === this.begin + 1 ? `${this.begin}` : `${this.begin} to ${this.end - 1}`;
    context.fillText("0", 4, high - 5);
    context.textAlign = "right";
    context.fillText(`${this.count - 1}`, wide - 4, high - 5);
    context.textAlign = "center";
    context.fillStyle = colour("--ink");
    context.fillText(label, wide / 2, 13);
  }
}

/** What is shown, by click: each choice is a parameter of the node, which may refuse it. */
export class Choices {
  /** set(values) asks for parameters. */
  constructor(root, set) {
    Object.assign(this, { root, set, values: {}, offered: null, trusted: false, key: "", heads: [] });
    this.strips = [];
    theme.onChange(() => { for (const strip of this.strips) strip.draw(); });
  }

  tell(change) {
    Object.assign(this, change);
    const key = JSON.stringify([this.values, this.offered, this.trusted]);
    if (key === this.key || !this.offered) return;
    this.key = key;
    // Who is typing or drawing along is not interrupted.
    if (this.root.contains(document.activeElement) && document.activeElement.tagName === "INPUT") this.late = true;
    else this.make();
  }

  get method() { return this.values.attention_method; }

  /** The chosen one's stack, layers, heads and queries; {} where it has none. */
  get about() { return this.offered.methods[this.method] || {}; }

  make() {
    this.late = false;
    const focus = document.activeElement?.dataset?.key;
    this.root.replaceChildren();
    this.strips = [];
    const { methods, joints, chunk } = this.offered, about = this.about;
    const stacks = new Map();
    for (const [name, { stack }] of Object.entries(methods)) if (stack && !stacks.has(stack)) stacks.set(stack, name);
    this.row("Method", Object.keys(methods).map((name) =>
      button(words(name), METHODS[name] || name, name === this.method, () => this.chooseMethod(name))));
    if (stacks.size > 1) {
      this.row("Stack", [...stacks].map(([stack, name]) =>
        button(words(stack), `Layers of attention, shown by ${words(name)}`, stack === about.stack, () => this.chooseMethod(name))));
    }
    if (about.layers) {
      const now = this.values.attention_layer, last = about.layers - 1;
      this.row("Layer", Array.from({ length: about.layers }, (_, layer) =>
        button(`${layer}`, layer === last ? "The last one" : "", layer === (now < 0 ? last : now), () => this.set({ attention_layer: layer }))));
      const head = this.values.attention_head;
      this.row("Head", ["mean", ...Array.from({ length: about.heads }, (_, index) => `${index}`)].map((name) => {
        const made = button(name, "", name === head, () => this.set({ attention_head: name }));
        made.className = "head";
        made.dataset.head = name;
        return made;
      }));
      this.showHeads(this.heads);
      const label = about.queries === chunk ? "Query: an action of the chunk, from the next one on" : "Query: a token";
      this.steps(label, about.queries, this.values.attention_query, "mean", (text) => this.set({ attention_query: text }));
    } else this.targets(joints, chunk);
    this.row("Scale", Object.entries(SCALES).map(([name, title]) =>
      button(name, title, name === this.values.overlay_scale, () => this.set({ overlay_scale: name }))));
    this.opacity();
    for (const each of this.root.querySelectorAll("button, input")) {
      each.disabled = !this.trusted;
      each.dataset.key ||= `${each.closest("fieldset").dataset.name} ${each.textContent}`;
      if (focus && each.dataset.key === focus) each.focus({ preventScroll: true });
    }
  }

  chooseMethod(name) { this.set({ attention_method: name, ...ANEW }); }

  targets(joints, chunk) {
    const now = String(this.values.contribution_target), found = now.match(/^(.*?)(?:\[(.*)\])?$/);
    const name = found[1], step = found[2] || "all";
    const of = (joint, steps) => (steps === "all" ? joint : `${joint}[${steps}]`);
    this.row("Target: what is explained", ["chunk", "change", ...joints].map((joint) =>
      button(words(joint), joint === "change" ? "What is new since the last tick's chunk" : "", joint === name,
        () => this.set({ contribution_target: joint }))));
    if (name !== "chunk" && name !== "change") {
      this.steps(`Steps of ${words(name)}`, chunk, step, "all", (text) => this.set({ contribution_target: of(name, text) }));
    }
  }

  steps(label, count, now, all, choose) {
    const strip = new Strip(count, label, (begin, end) => choose(end === begin + 1 ? `${begin}` : `${begin}:${end}`));
    this.strips.push(strip);
    if (now !== all) {
      const [begin, end] = String(now).split(":").map(Number);
      strip.mark(begin, end ?? begin + 1);
    }
    const line = document.createElement("div"), field = document.createElement("input");
    line.className = "steps";
    field.type = "text";
    field.value = now;
    field.title = `${all}, a number such as 3, or a range such as 0:10`;
    field.setAttribute("aria-label", label);
    field.addEventListener("change", () => choose(field.value.trim() || all));
    field.addEventListener("blur", () => { if (this.late) this.make(); });
    line.append(strip.canvas, field, button(all, "All of them", now === all, () => choose(all)));
    this.row(label, [line]);
  }

  opacity() {
    const field = document.createElement("input");
    Object.assign(field, { type: "range", min: 0, max: 1, step: 0.05, value: this.values.overlay_alpha });
    field.setAttribute("aria-label", "Opacity of the heat");
    field.addEventListener("change", () => { this.set({ overlay_alpha: Number(field.value) }); field.blur(); });
    field.addEventListener("blur", () => { if (this.late) this.make(); });
    this.row("Opacity", [field]);
  }

  row(legend, children) {
    const set = document.createElement("fieldset"), title = document.createElement("legend"), row = document.createElement("div");
    title.textContent = legend;
    set.dataset.name = legend.split(":")[0].toLowerCase();
    row.className = "row";
    row.append(...children);
    if (children.length === 1 && children[0].className === "steps") row.className = "";
    set.append(title, row);
    this.root.append(set);
  }

  /** Each head's entropy [nats], as a line below its button. */
  showHeads(heads) {
    this.heads = heads;
    const most = Math.max(...heads, 1e-9);
    for (const each of this.root.querySelectorAll("[data-head]")) {
      const entropy = heads[Number(each.dataset.head)];
      each.querySelector("i")?.remove();
      if (entropy === undefined || entropy === null) continue;
      const line = document.createElement("i");
      line.style.width = `${Math.round(100 * entropy / most)}%`;
      each.title = `Entropy ${entropy.toFixed(2)} nats`;
      each.append(line);
    }
  }

  next(step) {
    if (!this.offered || !this.trusted) return;
    const names = Object.keys(this.offered.methods), at = names.indexOf(this.method);
    this.chooseMethod(names[(at + step + names.length) % names.length]);
  }

  nextHead(step) {
    if (!this.offered || !this.trusted || !this.about.heads) return;
    const names = ["mean", ...Array.from({ length: this.about.heads }, (_, index) => `${index}`)];
    const at = names.indexOf(this.values.attention_head);
    this.set({ attention_head: names[(at + step + names.length) % names.length] });
  }
}
