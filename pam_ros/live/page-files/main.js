// SPDX-License-Identifier: Apache-2.0
/* global heatTable, theme */
import { Cameras } from "./cameras.js";
import { Choices } from "./choices.js";
import { Connection } from "./connection.js";
import { Curves } from "./curves.js";
import { RobotPanel } from "./robot.js";

const byId = (id) => document.getElementById(id);
/** After so long without a tick the page says so [ms]. */
const QUIET_MS = 2500;

const cameras = new Cameras(byId("cameras"), (number) => connection.send({ do: "drawn", n: number }));
const curves = new Curves(byId("charts"));
const choices = new Choices(byId("choices"), async (values) => {
  const answer = await connection.ask("show", { values });
  if (!answer.done) say(answer.words, false);
});
let parameters = {}, colours = [], safety = "", reason = "", heard = 0, line = "away", why = "", absent = "";

const news = {
  welcome(values) {
    cameras.restart();
    byId("lease").textContent = values.lease;
    robot.tell({ trusted: values.trusted, why: values.why, lease: values.lease, open: true });
    choices.tell({ trusted: values.trusted });
  },
  about(values) {
    byId("node").textContent = values.node;
    document.title = `${values.node} · pam_ros live`;
    absent = values.there ? "" : values.words;
    showState();
  },
  holding: (values) => robot.tell({ mine: values.mine, by: values.by }),
  said: (values) => say(values.words, true),
  recording: (values) => robot.recording(values),
  parameters(values) {
    parameters = values.values;
    colours = values.colours;
    robot.tell({ enabled: parameters.enabled === true });
    choices.tell({ values: parameters });
    showScale();
    showState();
  },
  diagnostics(values) {
    safety = values.values.safety_state || "";
    reason = values.level ? values.message : "";
    if (values.offered) {
      choices.tell({ offered: values.offered });
      robot.tell({ instruction: values.offered.words ? values.values.instruction || "" : null });
    }
    showRates(values.values);
    showTable(values);
    showState();
  },
  tick(values) {
    heard = performance.now();
    if (values.valid) {
      cameras.tell(values.cameras);
      curves.addShares(values.cameras, values.groups);
      choices.showHeads(values.heads);
    }
    showNow(values);
    showWords(values.words);
  },
  plan: (values) => curves.addPlan(values),
  commanded: (values) => curves.addNumbers("commanded", values.joints, values.values),
  measured: (values) => curves.addNumbers("measured", values.joints, values.values),
};

const connection = new Connection({
  news: (kind, values) => news[kind]?.(values),
  picture: (about, blob, number) => cameras.take(about, blob, number),
  state(state, words) {
    [line, why] = [state, words];
    if (state !== "open") robot.tell({ open: false, mine: false });
    if (state === "refused") refused(words);
    showState();
  },
});
const robot = new RobotPanel(connection, say);
byId("state").textContent = "Connecting …";

function showState() {
  const state = byId("state");
  const [name, text] = line === "away" ? ["lost", `no connection${why ? `: ${why}` : ""}; trying again`]
    : line === "refused" ? ["lost", `refused: ${why}`]
      : absent ? ["away", absent]
        : parameters.enabled === false ? ["disabled", `disabled${more()}`]
          : parameters.enabled === true ? [safety === "disabled" ? "running" : safety || "running", `enabled${more()}`]
            : ["", "connected"];
  state.dataset.state = name;
  if (state.textContent !== text) state.textContent = text;
}

/** What else is to be said of the state: that no tick comes, and why it is as it is. */
function more() {
  const quiet = heard ? (performance.now() - heard) / 1000 : 0;
  return (1000 * quiet > QUIET_MS ? ` · no tick for ${quiet.toFixed(0)} s` : "")
    + (reason ? ` · ${reason}` : safety && safety !== "disabled" ? ` · ${safety}` : "");
}

function refused(words) {
  say(words, false);
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Connect again";
  again.addEventListener("click", () => { again.remove(); byId("notice").hidden = true; connection.again(); });
  byId("notice").append(again);
}

/** A sentence, until it is closed, or for a while where nothing is wrong. */
function say(words, fine) {
  const box = byId("notice");
  box.querySelector("p").textContent = words;
  box.hidden = false;
  clearTimeout(say.timer);
  if (fine) say.timer = setTimeout(() => { box.hidden = true; }, 6000);
}
byId("notice").querySelector("button").addEventListener("click", () => { byId("notice").hidden = true; });

function showRates(values) {
  const number = (key, digits = 1) => (Number.isFinite(Number(values[key])) ? Number(values[key]).toFixed(digits) : "–");
  byId("rates").textContent = `${number("maps_per_second")} maps/s · ${number("rate_hz")} of `
    + `${number("target_rate_hz")} Hz · to command ${number("observation_to_command_ms_p50", 0)} ms`;
}

function showTable({ message, values }) {
  const details = byId("diagnostics");
  details.querySelector("summary").textContent = `Diagnostics: ${message}`;
  if (!details.open) return;
  const table = details.querySelector("table"), rows = [["message", message], ...Object.entries(values)];
  while (table.rows.length > rows.length) table.deleteRow(-1);
  rows.forEach(([key, value], index) => {
    const row = table.rows[index] || table.insertRow();
    while (row.cells.length < 2) row.insertCell();
    if (row.cells[0].textContent !== key) row.cells[0].textContent = key;
    if (row.cells[1].textContent !== value) row.cells[1].textContent = value;
  });
}

function showNow(tick) {
  const parts = [`tick ${tick.tick}`, `episode ${tick.episode}`];
  if (tick.valid) {
    parts.push(tick.method.replaceAll("_", " "));
    if (tick.target) parts.push(`target ${tick.target}`);
    if (tick.layer) parts.push(`layer ${tick.layer}`);
    if (tick.head) parts.push(`head ${tick.head}`);
    if (tick.query) parts.push(`query ${tick.query}`);
    if (tick.why) parts.push(tick.why);
  } else parts.push(tick.reason);
  if (tick.instruction) parts.push(`told “${tick.instruction}”`);
  byId("now").textContent = parts.join(" · ");
  byId("now").dataset.tick = tick.tick;
}

function showScale() {
  const bar = byId("scale-bar");
  bar.hidden = !colours.length;
  if (bar.hidden) return;
  const context = bar.querySelector("canvas").getContext("2d");
  const image = context.createImageData(256, 1);
  new Uint32Array(image.data.buffer).set(heatTable(colours, 1));
  for (let level = 0; level < 256; level++) image.data[4 * level + 3] = level;
  context.putImageData(image, 0, 0);
  const full = { tick: "this tick's strongest cell", running: "99th percentile of the last ticks", uniform: "a multiple of uniform" };
  byId("full").textContent = `full: ${full[parameters.overlay_scale] || parameters.overlay_scale}`;
}

function showWords(groups) {
  const root = byId("words");
  root.hidden = !groups.length;
  root.replaceChildren(...groups.map(({ labels, mass }) => {
    const lineOf = document.createElement("p"), most = Math.max(...mass, 1e-12);
    labels.forEach((label, index) => {
      const word = document.createElement("span"), level = Math.round(255 * mass[index] / most);
      word.textContent = label;
      word.title = `${(100 * mass[index]).toFixed(2)} %`;
      const [red, green, blue] = colours.slice(3 * level, 3 * level + 3);
      word.style.background = `rgb(${red} ${green} ${blue} / ${0.6 * level / 255})`;
      lineOf.append(word);
    });
    return lineOf;
  }));
}

byId("theme").addEventListener("click", () => theme.toggle());
setInterval(showState, 500);

addEventListener("keydown", (event) => {
  if (event.repeat) return;
  if (event.key === "Escape") {
    event.preventDefault();
    robot.disable();
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey || byId("ask").open) return;
  const tag = event.target.tagName, field = ["INPUT", "SELECT", "TEXTAREA"].includes(tag);
  if (event.key === " " && !field && tag !== "BUTTON" && tag !== "SUMMARY") {
    event.preventDefault();
    robot.disable();
  }
  if (field) return;
  const keys = {
    h: () => byId("hold").click(), e: () => robot.enable(), r: () => robot.reset(),
    i: () => byId("instruction").focus(), m: () => choices.next(1), M: () => choices.next(-1),
    "[": () => choices.nextHead(-1), "]": () => choices.nextHead(1), t: () => theme.toggle(),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
