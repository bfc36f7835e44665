// SPDX-License-Identifier: Apache-2.0
/* global Chart, View, theme */

const BEFORE_S = 20, AHEAD_S = 5, GAP_S = 1.5;
const EVERY_MS = 120;
const FIXED = { joint_state: "--state", latent: "--latent", environment: "--environment" };
const SERIES = {
  commanded: { color: "--c1", width: 3, label: "commanded" },
  measured: { color: "--ink", width: 1, dash: [2, 2], label: "measured" },
};

/** Values over the last seconds, in arrays that the charts read. */
class Rolling {
  constructor(count) {
    this.times = [];
    this.rows = Array.from({ length: count }, () => []);
  }

  add(time, values) {
    this.times.push(time);
    this.rows.forEach((row, index) => row.push(values[index] ?? null));
    const old = this.times.findIndex((each) => each > time - 2 * BEFORE_S);
    if (old > 300) for (const list of [this.times, ...this.rows]) list.splice(0, old);
  }
}

const seconds = () => performance.now() / 1000;

/** Shares, and for each joint what is commanded, measured and planned. */
export class Curves {
  constructor(root) {
    this.view = new View(1);
    this.shares = document.createElement("div");
    this.joints = document.createElement("figure");
    this.joints.className = "chart";
    this.joints.hidden = true;
    root.append(this.shares, this.joints);
    this.joints.innerHTML = "<figcaption><h2>Joints</h2><span class=\"legend\"></span></figcaption><div class=\"joints\"></div>";
    const legend = this.joints.querySelector(".legend");
    for (const look of [...Object.values(SERIES), { color: "--c3", label: "planned" }]) {
      const entry = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.borderColor = `var(${look.color})`;
      if (look.dash) swatch.className = "dash";
      entry.append(swatch, look.label);
      legend.append(entry);
    }
    this.names = "";
    this.joint = new Map();
    this.plan = null;
    this.dirty = false;
    theme.onChange(() => { this.dirty = true; });
    setInterval(() => this.draw(), EVERY_MS);
  }

  /** cameras and groups: name to share, null where there is none. */
  addShares(cameras, groups) {
    const all = { ...cameras, ...Object.fromEntries(Object.entries(groups).filter(([, share]) => share !== null)) };
    const names = Object.keys(all);
    if (!names.length) return;
    if (names.join() !== this.names) this.newShares(names, Object.keys(cameras).length);
    this.rolling.add(seconds(), names.map((name) => all[name]));
    this.dirty = true;
  }

  newShares(names, cameras) {
    this.names = names.join();
    this.rolling = new Rolling(names.length);
    this.forget(this.shares);
    let next = cameras;
    const lines = names.map((name, index) => ({
      label: name.replaceAll("_", " "),
      color: index < cameras ? `--c${index % 6}` : FIXED[name] || `--c${next++ % 6}`,
      times: this.rolling.times, values: this.rolling.rows[index], gap: GAP_S,
    }));
    this.chart(this.shares, { title: "Shares", lines, stacked: true, height: 130 });
  }

  /** role: of SERIES; joints and values side by side. */
  addNumbers(role, joints, values) {
    const now = seconds();
    joints.forEach((name, index) => {
      const series = this.ofJoint(name);
      series[role].add(now, [values[index]]);
    });
    this.dirty = true;
  }

  ofJoint(name) {
    const found = this.joint.get(name);
    if (found) return found;
    const made = { commanded: new Rolling(1), measured: new Rolling(1) };
    this.joint.set(name, made);
    const lines = Object.entries(SERIES).map(([role, look]) => ({
      ...look, times: made[role].times, values: made[role].rows[0], gap: GAP_S,
    }));
    const plan = () => this.plan && this.plan.of.get(name);
    const chart = this.chart(this.joints.querySelector(".joints"), { title: name, lines, height: 84, small: true, plan });
    chart.legend.remove();
    this.joints.hidden = false;
    return made;
  }

  /** The chunk: positions[step][joint], `after` the tick [s]. */
  addPlan({ joints, after, positions }) {
    const now = seconds();
    this.plan = {
      of: new Map(joints.map((name, joint) => [name, after.map((s, step) => [now + s, positions[step][joint]])])),
    };
    for (const name of joints) this.ofJoint(name);
    this.dirty = true;
  }

  chart(root, options) {
    return new Chart(root, { view: this.view, onSeek: () => {}, holdsPlan: true, ...options });
  }

  forget(root) {
    this.view.charts = this.view.charts.filter((chart) => !root.contains(chart.figure));
    root.replaceChildren();
  }

  draw() {
    if (!this.dirty || document.hidden) return;
    this.dirty = false;
    const now = seconds();
    for (const chart of this.view.charts) {
      chart.time = now;
    }
    this.view.end = now + AHEAD_S;
    this.view.set(now - BEFORE_S, now + AHEAD_S);
  }
}
