// SPDX-License-Identifier: Apache-2.0
"use strict";

const FIXED_COLOURS = { "joint state": "--state", latent: "--latent", environment: "--environment" };

/** What lines of a joint stand for; the wide one is drawn first, so that the others are seen on it. */
const JOINT_LOOKS = {
  commanded: { color: "--c1", width: 3, label: "commanded" },
  predicted: { color: "--c0", width: 1.4, label: "predicted" },
  planned: { color: "--c0", width: 1.4, label: "predicted (the plan's first action)" },
  measured: { color: "--ink", width: 1, dash: [2, 2], label: "measured" },
};

/** A recording's curves over time. */
function makeCurves(run, root) {
  const { data } = run, perTick = (label, color, values, more) => run.perTick(label, color, values, more);
  const shares = Object.entries(data.shares).map(([label, values], index) =>
    perTick(label, FIXED_COLOURS[label] || `--c${index % 6}`, values));
  run.addChart(root, { title: run.sharesTitle, lines: shares, stacked: true, height: 150, peaks: run.peaksOf("shares") });
  const { entropy, forward, latency, ood, threshold, gap: apart } = data.curves;
  run.addChart(root, { title: "Entropy", unit: "nats", lines: [perTick("", "--c0", entropy)], height: 90,
    peaks: run.peaksOf("entropy") });
  if (apart) {
    run.addChart(root, { title: "Command away from the prediction, widest joint", unit: "rad",
      lines: [perTick("", "--c1", apart)], height: 80, digits: 3, fromZero: true, peaks: run.peaksOf("gap") });
  }
  if (data.joints.length) makeJoints(run, root);
  const delays = [perTick("forward pass", "--c2", forward)];
  if (latency) delays.unshift(perTick("observation to command", "--c1", latency));
  run.addChart(root, { title: "Latency", unit: "ms", lines: delays, height: 100, digits: 0, fromZero: true,
    peaks: run.peaksOf("latency", "forward") });
  if (ood) {
    const lines = [perTick("score", "--c4", ood)];
    if (threshold) lines.push(perTick("threshold", "--soft", threshold, { dash: [4, 3] }));
    run.addChart(root, { title: "Out of distribution", lines, height: 100, peaks: run.peaksOf("ood") });
  }
}

/** A small chart for each joint, which can be chosen. */
function makeJoints(run, root) {
  const { data } = run, roles = new Set(data.joints.map((series) => series.role));
  const order = Object.keys(JOINT_LOOKS);
  const series = data.joints.filter((one) => one.role !== "planned" || !roles.has("predicted"))
    .sort((one, other) => order.indexOf(one.role) - order.indexOf(other.role));
  const joints = [...new Set(series.flatMap((one) => one.names))];
  const box = document.createElement("figure");
  box.className = "chart";
  const caption = document.createElement("figcaption"), title = document.createElement("h2");
  title.textContent = "Joints [rad]";
  const legend = document.createElement("span");
  legend.className = "legend";
  const entries = [...new Set(series.map((one) => JOINT_LOOKS[one.role]))];
  if (data.chunks) entries.push({ color: "--c3", label: "the plan at the cursor" });
  for (const look of entries) {
    const entry = document.createElement("span"), swatch = document.createElement("i");
    swatch.style.borderColor = `var(${look.color})`;
    if (look.dash) swatch.className = "dash";
    entry.append(swatch, look.label);
    legend.append(entry);
  }
  caption.append(title, legend);
  const grid = document.createElement("div");
  grid.className = "joints";
  box.append(caption);
  if (joints.length > 1) box.append(run.page.jointChoice(joints));
  box.append(grid);
  root.append(box);
  for (const joint of joints) {
    const lines = series.filter((one) => one.names.includes(joint)).map((one) => ({
      ...JOINT_LOOKS[one.role], times: one.times, values: one.values[one.names.indexOf(joint)], gap: run.gap,
    }));
    const place = data.chunks ? data.chunks.names.indexOf(joint) : -1;
    const plan = place < 0 ? null : (tick) => data.chunks.plans[tick]
      && data.chunks.plans[tick][place].map((v, k) => [run.times[tick] + data.chunks.after[k], v]);
    const chart = run.addChart(grid, { title: joint, lines, height: 84, small: true, plan, digits: 3 });
    chart.legend.remove();
    run.page.jointFigures.push([joint, chart.figure]);
    run.drivers.add(joint, chart);
  }
}

/** Which joints are shown: a button each, and all of them. */
class JointChoice {
  constructor(joints, onChange) {
    Object.assign(this, { joints, onChange, hidden: new Set(), buttons: [] });
  }

  /** The buttons, once more for every recording. */
  make(joints) {
    const root = document.createElement("div");
    root.className = "choice";
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Joints that are shown");
    const add = (text, click) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", click);
      root.append(button);
      return button;
    };
    for (const joint of joints) {
      const button = add(joint, () => this.toggle(joint));
      button.dataset.choose = joint;
      this.buttons.push([joint, button]);
    }
    add("all", () => this.only(this.joints));
    add("none", () => this.only([]));
    this.tell();
    return root;
  }

  toggle(joint) {
    if (!this.hidden.delete(joint)) this.hidden.add(joint);
    this.tell();
  }

  only(joints) {
    this.hidden = new Set(this.joints.filter((joint) => !joints.includes(joint)));
    this.tell();
  }

  tell() {
    for (const [joint, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(!this.hidden.has(joint)));
    }
    this.onChange(this.hidden);
  }
}
