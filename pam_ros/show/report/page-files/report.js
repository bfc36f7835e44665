// SPDX-License-Identifier: Apache-2.0
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const { times, episodes } = data;
  const end = times[times.length - 1];
  const gaps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  const period = gaps.length ? gaps[gaps.length >> 1] : 0.1;
  const gap = 10 * period + 0.5;
  const names = data.cameras.map((camera) => camera.name);

  // What stands where.
  const begins = times.filter((_, i) => i > 0 && episodes[i] !== episodes[i - 1]);
  const marks = data.moments.filter((m) => m.kind === "annotation")
    .map((m) => ({ time: times[m.tick], text: m.text }));
  const peaksOf = (...kinds) => data.moments.filter((m) => kinds.includes(m.kind))
    .map((m) => ({ time: times[m.tick], ...m }));

  header();

  const view = new View(end);
  let shown = 0;
  const stage = new Stage(data, bytes(byId("cells-data")), byId("video"), byId("cameras"), onShown);
  const charts = [];
  const cards = [];
  const drivers = new Drivers(data, stage, byId("driven"));
  makeCharts();
  makeFeatures();
  makeMoments();
  const strip = byId("episodes");
  new ResizeObserver(drawStrip).observe(strip);
  strip.addEventListener("pointerdown", (event) => stage.seek(indexAt(times, stripTime(event))));
  strip.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) stage.seek(indexAt(times, stripTime(event)));
  });

  const scrub = byId("scrub");
  scrub.max = times.length - 1;
  scrub.addEventListener("input", () => { pause(); stage.seek(Number(scrub.value)); });
  byId("opacity").value = stage.opacity;
  byId("opacity").addEventListener("input", (event) => {
    stage.setOpacity(Number(event.target.value));
    stage.redraw();
  });
  byId("heat").addEventListener("change", (event) => {
    stage.heatOn = event.target.checked;
    stage.redraw();
  });
  byId("speed").addEventListener("change", () => {
    stage.video.playbackRate = Number(byId("speed").value);
  });
  byId("play").addEventListener("click", toggle);
  byId("back").addEventListener("click", () => step(-1));
  byId("forth").addEventListener("click", () => step(1));
  byId("episode").addEventListener("click", oneEpisode);
  byId("all").addEventListener("click", () => view.set(0, end));
  byId("theme").addEventListener("click", theme.toggle);
  theme.onChange(() => {
    for (const chart of charts) chart.refresh();
    drawStrip();
  });
  stage.video.addEventListener("play", () => { byId("play").textContent = "❚❚ Pause"; });
  stage.video.addEventListener("pause", () => { byId("play").textContent = "▶ Play"; });
  addEventListener("keydown", onKey);
  addEventListener("hashchange", followLink);

  stage.video.src = URL.createObjectURL(new Blob([bytes(byId("video-data"))], { type: "video/mp4" }));
  if (location.hash) followLink(); else stage.seek(data.first);

  function header() {
    byId("name").textContent = data.name;
    const seconds = end - times[0];
    const outcomes = data.moments.filter((m) => m.kind === "reached" || m.kind === "missed");
    const reached = outcomes.filter((m) => m.kind === "reached").length;
    const parts = [
      `${times.length} ticks`, `${seconds.toFixed(1)} s`, `${new Set(episodes).size} episodes`,
      `policy ${data.policy.policy_name || "unnamed"}`, `cameras ${names.join(", ")}`,
    ];
    if (outcomes.length) parts.splice(3, 0, `${reached} of ${outcomes.length} reached`);
    byId("figures").textContent = parts.join(" · ");
    const { method, layer, head, query, denoising_step: step, chunk_mode: mode, policy_sha256: sha } = data.policy;
    byId("method").textContent = `Method ${method || "none"}; layer ${layer || "–"}; head ${head || "–"}; `
      + `query ${query || "–"}; ${step ? `denoising step ${step}; ` : ""}actions by ${mode || "–"}. Policy ${sha}.`;
    const invalid = Object.keys(data.reasons);
    const notes = [...data.notes];
    if (invalid.length) notes.push(`${invalid.length} ticks have no map (first: ${data.reasons[invalid[0]]})`);
    if (notes.length) {
      const list = document.createElement("ul");
      for (const note of notes) {
        const item = document.createElement("li");
        item.textContent = note;
        list.append(item);
      }
      byId("losses").append("What is not in this recording:", list);
      byId("losses").hidden = false;
    }
    for (const topic of data.topics) {
      const row = byId("topics").insertRow();
      for (const text of [topic.name, topic.type, topic.count]) row.insertCell().textContent = text;
    }
  }

  function cameraColour(index) { return `--c${index % 6}`; }

  function perTick(label, color, values, more) {
    return { label, color, times, values, gap, perTick: true, ...more };
  }

  function addChart(root, options) {
    const chart = new Chart(root, {
      view, episodes: begins, marks, onSeek: (time) => { pause(); stage.seek(nearestIndex(times, time)); }, ...options,
    });
    charts.push(chart);
    return chart;
  }

  function makeCharts() {
    const root = byId("charts");
    const fixed = { "joint state": "--state", latent: "--latent", environment: "--environment" };
    const shares = Object.entries(data.shares).map(([label, values], index) =>
      perTick(label, fixed[label] || cameraColour(index), values));
    addChart(root, { title: "Attention shares", lines: shares, stacked: true, height: 150, peaks: peaksOf("shares") });
    const { entropy, forward, latency, ood, threshold, gap: apart } = data.curves;
    addChart(root, { title: "Entropy", unit: "nats", lines: [perTick("", "--c0", entropy)], height: 90,
      peaks: peaksOf("entropy") });
    makeJoints(root, apart);
    const delays = [perTick("forward pass", "--c2", forward)];
    if (latency) delays.unshift(perTick("observation to command", "--c1", latency));
    addChart(root, { title: "Latency", unit: "ms", lines: delays, height: 100, digits: 0, fromZero: true,
      peaks: peaksOf("latency", "forward") });
    if (ood) {
      const lines = [perTick("score", "--c4", ood)];
      if (threshold) lines.push(perTick("threshold", "--soft", threshold, { dash: [4, 3] }));
      addChart(root, { title: "Out of distribution", lines, height: 100, peaks: peaksOf("ood") });
    }
  }

  function makeJoints(root, apart) {
    if (apart) {
      addChart(root, { title: "Command away from the prediction, widest joint", unit: "rad",
        lines: [perTick("", "--c1", apart)], height: 80, digits: 3, fromZero: true, peaks: peaksOf("gap") });
    }
    if (!data.joints.length) return;
    const looks = {
      commanded: { color: "--c1", width: 3, label: "commanded" },
      predicted: { color: "--c0", width: 1.4, label: "predicted" },
      planned: { color: "--c0", width: 1.4, label: "predicted (the plan's first action)" },
      measured: { color: "--ink", width: 1, dash: [2, 2], label: "measured" },
    };
    const roles = new Set(data.joints.map((series) => series.role));
    // The wide line first, so that the others are seen on it.
    const order = Object.keys(looks);
    const series = data.joints.filter((one) => one.role !== "planned" || !roles.has("predicted"))
      .sort((one, other) => order.indexOf(one.role) - order.indexOf(other.role));
    const joints = [...new Set(series.flatMap((one) => one.names))];
    const box = document.createElement("figure");
    box.className = "chart";
    const caption = document.createElement("figcaption");
    caption.innerHTML = "<h2>Joints [rad]</h2>";
    const legend = document.createElement("span");
    legend.className = "legend";
    const entries = [...new Set(series.map((one) => looks[one.role]))];
    if (data.chunks) entries.push({ color: "--mark", label: "the plan at the cursor" });
    for (const look of entries) {
      const entry = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.borderColor = `var(${look.color})`;
      if (look.dash) swatch.className = "dash";
      entry.append(swatch, look.label);
      legend.append(entry);
    }
    caption.append(legend);
    const grid = document.createElement("div");
    grid.className = "joints";
    box.append(caption, grid);
    root.append(box);
    for (const joint of joints) {
      const lines = series.filter((one) => one.names.includes(joint)).map((one) => ({
        ...looks[one.role], label: "", times: one.times, values: one.values[one.names.indexOf(joint)], gap,
      }));
      const place = data.chunks ? data.chunks.names.indexOf(joint) : -1;
      const plan = place < 0 ? null : (tick) => data.chunks.plans[tick]
        && data.chunks.plans[tick][place].map((v, k) => [times[tick] + data.chunks.after[k], v]);
      const chart = addChart(grid, { title: joint, lines, height: 84, small: true, plan });
      chart.legend.remove();
      drivers.add(joint, chart);
    }
  }

  function makeFeatures() {
    if (!data.features) return;
    const root = byId("features");
    root.hidden = false;
    const title = document.createElement("h2");
    title.textContent = `The most active of ${data.features.dictionary} sparse features (${data.features.name}, `
      + `layer ${data.features.layer}): dots where each peaked, ring where it peaks now`;
    const grid = document.createElement("div");
    root.append(title, grid);
    for (const curve of data.features.curves) cards.push(makeCard(grid, curve));
  }

  function makeCard(grid, curve) {
    const card = document.createElement("article");
    card.className = "feature";
    card.dataset.feature = curve.feature;
    const top = document.createElement("div");
    top.className = "top";
    const title = document.createElement("h2");
    title.textContent = `Feature ${curve.feature}`;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Ring on cameras";
    button.setAttribute("aria-pressed", "false");
    top.append(title, button);
    const places = new Map();
    let active = 0, elsewhere = 0;
    const on = names.map(() => 0);
    curve.values.forEach((value, tick) => {
      if (!value) return;
      active += 1;
      const camera = curve.camera[tick];
      if (camera < 0) { elsewhere += 1; return; }
      on[camera] += 1;
      const key = `${camera},${curve.row[tick]},${curve.col[tick]}`;
      places.set(key, (places.get(key) || 0) + 1);
    });
    const parts = names.map((name, i) => [name, on[i]]).concat([[curve.elsewhere || "other tokens", elsewhere]])
      .filter(([, count]) => count).map(([name, count]) => `${name} ${Math.round(100 * count / active)} %`);
    const text = document.createElement("p");
    text.textContent = `Active in ${Math.round(100 * curve.active)} % of the ticks; peaks on ${parts.join(", ")}.`;
    card.append(top, text);
    const pictures = document.createElement("div");
    pictures.className = "places";
    const canvases = data.cameras.map((camera, index) => {
      const canvas = document.createElement("canvas");
      const panel = camera.panel || { width: 320, height: 240 };
      canvas.width = 200;
      canvas.height = Math.round(200 * panel.height / panel.width);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Where feature ${curve.feature} peaks on ${camera.name}`);
      if (on[index]) pictures.append(canvas);
      return canvas;
    });
    card.append(pictures);
    grid.append(card);
    addChart(card, { title: `Feature ${curve.feature}`, lines: [perTick("", "--c5", curve.values)], height: 60,
      small: true, fromZero: true, peaks: peaksOf("feature").filter((m) => m.text.startsWith(`feature ${curve.feature} `)) });
    const made = { curve, places, canvases, on, card, button };
    button.addEventListener("click", () => {
      stage.feature = stage.feature === curve ? null : curve;
      for (const other of cards) {
        const chosen = stage.feature === other.curve;
        other.card.classList.toggle("chosen", chosen);
        other.button.setAttribute("aria-pressed", String(chosen));
      }
      stage.redraw();
    });
    return made;
  }

  function drawCards(tick) {
    for (const { curve, places, canvases, on } of cards) {
      stage.cameras.forEach((camera, index) => {
        const canvas = canvases[index], grid = camera.grid(tick);
        if (!on[index] || !grid) return;
        const context = canvas.getContext("2d"), factor = canvas.width / camera.panel.width;
        context.drawImage(camera.picture.plain, 0, 0, canvas.width, canvas.height);
        context.fillStyle = "rgba(0, 0, 0, 0.35)";
        context.fillRect(0, 0, canvas.width, canvas.height);
        const most = Math.max(...places.values());
        const cell = grid.placing[2] * camera.panel.width / grid.image_size[1] * factor;
        for (const [key, count] of places) {
          const [which, row, col] = key.split(",").map(Number);
          if (which !== index) continue;
          const [x, y] = placeOfCell(grid, row, col, camera.panel);
          context.fillStyle = "rgba(255, 209, 102, 0.85)";
          context.beginPath();
          context.arc(x * factor, y * factor, Math.max(1.2, 0.5 * cell * Math.sqrt(count / most)), 0, 7);
          context.fill();
        }
        if (curve.camera[tick] === index && curve.values[tick] > 0) {
          const [x, y] = placeOfCell(grid, curve.row[tick], curve.col[tick], camera.panel);
          context.strokeStyle = "#fff";
          context.lineWidth = 2;
          context.beginPath();
          context.arc(x * factor, y * factor, Math.max(5, 0.6 * cell), 0, 7);
          context.stroke();
        }
      });
    }
  }

  function makeMoments() {
    const groups = [
      ["Marked while running", ["annotation"]], ["Episodes", ["reached", "missed"]],
      ["Attention", ["shares", "entropy"]], ["Commands", ["gap", "latency", "forward"]],
      ["Unlike the training set", ["ood"]], ["Features", ["feature"]],
    ];
    const root = byId("moments");
    for (const [title, kinds] of groups) {
      const moments = data.moments.filter((moment) => kinds.includes(moment.kind));
      if (!moments.length) continue;
      const heading = document.createElement("h3"), list = document.createElement("ul");
      heading.textContent = title;
      for (const moment of moments) {
        const item = document.createElement("li"), link = document.createElement("a");
        const time = document.createElement("b");
        time.textContent = `${times[moment.tick].toFixed(1)} s`;
        link.href = `#t=${times[moment.tick].toFixed(3)}`;
        link.dataset.tick = moment.tick;
        link.className = moment.kind;
        link.append(time, ` ${moment.text}${moment.value ? ` ${moment.value}` : ""}`);
        link.addEventListener("click", () => goTo(moment.tick));
        item.append(link);
        list.append(item);
      }
      root.append(heading, list);
    }
  }

  function goTo(tick) {
    pause();
    stage.seek(tick);
    view.follow(times[tick]);
  }

  function followLink() {
    const match = /^#t=([0-9.]+)$/.exec(location.hash);
    if (match) goTo(nearestIndex(times, Number(match[1])));
  }

  /** The cursor moves at once; pictures follow when they are decoded. */
  function onShown(tick, drawn) {
    shown = tick;
    scrub.value = tick;
    const time = times[tick];
    scrub.setAttribute("aria-valuetext", `${time.toFixed(2)} seconds, episode ${episodes[tick]}`);
    for (const chart of charts) chart.cursor(time, tick);
    const reason = data.reasons[tick];
    const here = data.moments.filter((m) => m.tick === tick).map((m) => ` · ${m.text} ${m.value}`);
    byId("now").textContent = `${time.toFixed(2)} s · episode ${episodes[tick]} · tick ${data.ticks[tick]}`
      + here.slice(0, 2).join("");
    if (reason) {
      const warning = document.createElement("span");
      warning.className = "warn";
      warning.textContent = ` · no map: ${reason}`;
      byId("now").append(warning);
    }
    for (const link of document.querySelectorAll("#moments a")) {
      link.classList.toggle("here", Number(link.dataset.tick) === tick);
    }
    drawWords(tick);
    drawStrip();
    if (drawn) drawCards(tick);
    if (drawn && !stage.video.paused) view.follow(time);
  }

  /** Named tokens, each on the colour of its mass, on the scale of the cells. */
  function drawWords(tick) {
    const root = byId("words"), scale = data.heat.scales[tick];
    root.replaceChildren();
    for (const { group, labels, mass } of data.words) {
      if (!mass[tick]) continue;
      const line = document.createElement("p");
      line.append(`${group}: `);
      labels.forEach((label, index) => {
        const word = document.createElement("span"), share = mass[tick][index] ?? 0;
        word.textContent = label;
        word.title = `${(100 * share).toFixed(2)} %`;
        const level = scale ? Math.round(255 * Math.min(1, share / scale)) : 0;
        const [red, green, blue] = data.heat.colours.slice(3 * level, 3 * level + 3);
        word.style.background = `rgb(${red} ${green} ${blue} / ${data.heat.alpha * level / 255})`;
        line.append(word);
      });
      root.append(line);
    }
    root.hidden = !root.childElementCount;
  }

  function stripTime(event) {
    const box = strip.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left - 8) / (box.width - 16), 0), 1) * end;
  }

  /** Episodes as blocks, green where the goal was reached, red where it was missed; marks; now. */
  function drawStrip() {
    const scale = devicePixelRatio || 1, wide = strip.clientWidth;
    if (!wide) return;
    strip.width = Math.round(wide * scale);
    strip.height = Math.round(34 * scale);
    const context = strip.getContext("2d");
    context.scale(scale, scale);
    const x = (time) => 8 + time / Math.max(end, 1e-6) * (wide - 16);
    const results = data.moments.filter((m) => m.kind === "reached" || m.kind === "missed");
    let begin = 0;
    for (let i = 1; i <= times.length; i++) {
      if (i < times.length && episodes[i] === episodes[begin]) continue;
      const result = results.find((m) => m.tick >= begin && m.tick < i);
      context.fillStyle = colour(result ? (result.kind === "reached" ? "--good" : "--bad") : "--latent");
      context.globalAlpha = 0.75;
      context.fillRect(x(times[begin]), 12, Math.max(2, x(times[i - 1]) - x(times[begin])), 14);
      context.globalAlpha = 1;
      begin = i;
    }
    context.fillStyle = colour("--mark");
    for (const mark of marks) {
      const at = x(mark.time);
      context.fillRect(at - 1, 2, 2, 28);
      context.beginPath(); context.moveTo(at, 2); context.lineTo(at + 9, 6); context.lineTo(at, 10); context.fill();
    }
    context.strokeStyle = colour("--accent");
    context.strokeRect(x(view.begin), 10, x(view.until) - x(view.begin), 18);
    context.fillStyle = colour("--cursor");
    context.fillRect(x(times[shown]) - 1, 6, 2, 26);
  }

  function step(by) { pause(); stage.seek(stage.wanted + by); view.follow(times[stage.wanted]); }

  function pause() { if (stage.playing) stage.pause(); }

  function toggle() {
    if (stage.playing) stage.pause(); else stage.play(Number(byId("speed").value));
  }

  function oneEpisode() {
    const first = episodes.indexOf(episodes[shown]), last = episodes.lastIndexOf(episodes[shown]);
    view.set(times[first], times[last]);
    drawStrip();
  }

  function moment(by) {
    const all = [...new Set(data.moments.map((m) => m.tick))].sort((a, b) => a - b);
    const next = by > 0 ? all.find((tick) => tick > shown) : all.reverse().find((tick) => tick < shown);
    if (next !== undefined) goTo(next);
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
    const second = (by) => goTo(nearestIndex(times, times[shown] + by));
    const keys = {
      " ": toggle,
      ArrowLeft: () => (event.shiftKey ? second(-1) : step(-1)),
      ArrowRight: () => (event.shiftKey ? second(1) : step(1)),
      Home: () => goTo(0),
      End: () => goTo(times.length - 1),
      n: () => moment(1),
      p: () => moment(-1),
      h: () => byId("heat").click(),
      e: oneEpisode,
      0: () => { view.set(0, end); drawStrip(); },
      "+": () => { view.zoom(0.5, times[shown]); drawStrip(); },
      "-": () => { view.zoom(2, times[shown]); drawStrip(); },
    };
    const button = event.target.tagName === "BUTTON" || event.target.tagName === "SUMMARY";
    if (!keys[event.key] || (event.key === " " && (button || event.target.type === "checkbox"))) return;
    if (event.target.id === "opacity" && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    keys[event.key]();
  }
})();
