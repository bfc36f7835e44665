// SPDX-License-Identifier: Apache-2.0
"use strict";

/** What moved a joint: a click on its curve shows the heat of that joint's own maps. */
class Drivers {
  constructor(data, stage, root) {
    Object.assign(this, { data, stage, root, joint: null, buttons: new Map() });
  }

  /** A joint's chart: its curve chooses it, its title takes it back as well. */
  add(joint, chart) {
    const title = chart.figure.querySelector("h2"), button = document.createElement("button");
    button.type = "button";
    button.title = `Show what moves ${joint}`;
    button.textContent = joint;
    button.dataset.joint = joint;
    button.setAttribute("aria-pressed", "false");
    title.replaceChildren(button);
    this.buttons.set(joint, button);
    button.addEventListener("click", () => this.choose(this.joint === joint ? null : joint));
    chart.canvas.addEventListener("pointerdown", () => this.choose(joint));
  }

  /** Maps of the joint, alone before some of its steps; null: the recording has none. */
  maps(joint) {
    const name = joint.split(" [")[0];
    const all = [this.stage.own, ...this.data.targets];
    return all.find((one) => one.target === name) || all.find((one) => one.target.startsWith(`${name}[`)) || null;
  }

  choose(joint) {
    if (joint === this.joint) return;
    this.joint = joint;
    const found = joint === null ? null : this.maps(joint);
    for (const [name, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(name === joint));
      button.closest("figure").classList.toggle("chosen", name === joint);
    }
    this.root.replaceChildren();
    this.root.hidden = joint === null;
    this.root.dataset.target = found ? found.target : "";
    if (found) this.say("Heat: what moves ", found.target, ". ", true);
    else if (joint !== null) {
      const name = joint.split(" [")[0];
      this.say("This recording has no map of what moves ", name, ": record with attention_method: contribution and "
        + `contribution_targets: ["${name}"], or give the recording to pam_ros replay --method contribution `
        + `--targets "${name}".`, false);
    }
    this.stage.choose(found);
  }

  say(before, name, after, back) {
    const bold = document.createElement("b");
    bold.textContent = name;
    this.root.append(before, bold, after);
    if (!back) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Back to the recording\u2019s own map";
    button.addEventListener("click", () => this.choose(null));
    this.root.append(button);
  }
}
