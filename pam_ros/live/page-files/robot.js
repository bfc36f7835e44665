// SPDX-License-Identifier: Apache-2.0

const byId = (id) => document.getElementById(id);
/** A disabling that has no answer for so long is not to be relied on [ms]. */
const UNCONFIRMED_MS = 1500;

/** Asks a person: true if they say so. Disabling closes it; so does losing the robot. */
class Question {
  constructor() {
    this.dialog = byId("ask");
    this.answer = null;
    byId("yes").addEventListener("click", () => this.close(true));
    byId("no").addEventListener("click", () => this.close(false));
    this.dialog.addEventListener("close", () => this.close(false));
  }

  ask(words, yes) {
    this.close(false);
    byId("ask-words").textContent = words;
    byId("yes").textContent = yes;
    this.dialog.show();
    byId("no").focus();
    return new Promise((resolve) => { this.answer = resolve; });
  }

  close(said) {
    const answer = this.answer;
    this.answer = null;
    if (this.dialog.open) this.dialog.close();
    if (answer) answer(said);
  }
}

/** The robot: disabled by every page, at once; all else by the page that holds it, asking first. */
export class RobotPanel {
  /** connection asks; say(words) shows a sentence. */
  constructor(connection, say) {
    Object.assign(this, { connection, say, mine: false, by: "", trusted: false, why: "", open: false });
    Object.assign(this, { enabled: false, bag: "", instruction: null, lease: 10 });
    this.question = new Question();
    byId("disable").addEventListener("click", () => this.disable());
    byId("hold").addEventListener("click", () => this.hold());
    byId("enable").addEventListener("click", () => this.enable());
    byId("reset").addEventListener("click", () => this.reset());
    byId("record").addEventListener("click", () => this.record());
    byId("tell").addEventListener("submit", (event) => {
      event.preventDefault();
      this.tellPolicy();
    });
  }

  tell(change) {
    Object.assign(this, change);
    if (!this.mine || !this.open) this.question.close(false);
    this.show();
  }

  show() {
    const may = this.mine && this.open, { by, enabled, bag } = this;
    byId("robot").classList.toggle("mine", may);
    byId("holding").textContent = !this.open ? "Not connected: this page cannot disable either."
      : this.mine ? "This page holds the robot." : by ? `Held by ${by}.`
        : this.trusted ? "Nobody holds the robot." : this.why;
    byId("hold").textContent = this.mine ? "Let go" : by ? "Take the robot …" : "Hold the robot";
    byId("hold").disabled = !this.open || !this.trusted;
    byId("enable").disabled = !may || enabled;
    byId("reset").disabled = !may;
    byId("record").disabled = !may;
    byId("record").textContent = bag ? "End recording" : "Record …";
    byId("disable").classList.toggle("away", !this.open);
    byId("tell").hidden = this.instruction === null;
    for (const each of byId("tell").querySelectorAll("input, button")) each.disabled = !may;
  }

  async asked(word, values) {
    const answer = await this.connection.ask(word, values);
    this.say(answer.words, answer.done);
    return answer.done;
  }

  /** At once and unasked. */
  async disable() {
    this.question.close(false);
    const late = setTimeout(() => {
      this.say("Disabling is NOT confirmed yet. Use the robot's emergency stop.", false);
    }, UNCONFIRMED_MS);
    const answer = await this.connection.ask("disable");
    clearTimeout(late);
    if (answer.done) this.say("Disabled.", true);
    else this.say(`NOT disabled: ${answer.words}. Use the robot's emergency stop, or: pam_ros disable`, false);
  }

  async hold() {
    if (this.mine) {
      await this.asked("release");
    } else if (this.by) {
      const words = `Take the robot from ${this.by}? If that page has enabled it, it is disabled first.`;
      if (await this.question.ask(words, "Take it")) await this.asked("hold", { over: true });
    } else {
      await this.asked("hold");
    }
  }

  async enable() {
    if (byId("enable").disabled) return;
    const words = `Enable? The robot moves by the policy from then on. It is disabled again if this page is gone for ${this.lease} s.`;
    if (await this.question.ask(words, "Enable: it moves")) await this.asked("enable");
  }

  async reset() {
    if (byId("reset").disabled) return;
    const words = `Start an episode? What is planned is dropped${this.enabled ? ", and the robot goes on with a new plan" : ""}.`;
    if (await this.question.ask(words, "Start an episode")) await this.asked("reset");
  }

  async record() {
    if (byId("record").disabled) return;
    if (this.bag) {
      await this.asked("record", { on: false });
    } else if (await this.question.ask("Record cameras, joints, commands and maps to a new folder?", "Record")) {
      await this.asked("record", { on: true });
    }
  }

  async tellPolicy() {
    const text = byId("instruction").value.trim();
    if (!text) return;
    const words = `Tell the policy “${text}”?${this.enabled ? " The robot is enabled and moves by it." : ""}`;
    if (await this.question.ask(words, "Tell it") && await this.asked("say", { text })) byId("instruction").value = "";
  }

  recording({ bag, words }) {
    byId("recording").hidden = !bag && !words;
    byId("recording").textContent = words || "";
    this.tell({ bag });
  }
}
