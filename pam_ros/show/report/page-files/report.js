// SPDX-License-Identifier: Apache-2.0
"use strict";

/** The page: the recordings that lie in it, the transport that moves them together, and keys. */
(async () => {
  const byId = (id) => document.getElementById(id);
  const embedded = await embeddedRecordings();
  const peers = new Map();
  const joints = [...new Set(embedded.flatMap(({ data }) => data.joints.flatMap((one) => one.names)))];
  const page = {
    onSeek: (run, time) => { pause(); seek(run, time); },
    onShown,
    onPoint: (run, time) => link.point(run, time),
    goTo: (run, time) => goTo(link.tick(leader, time + link.shift(run))),
    peersOf: (key) => peers.get(key) || peers.set(key, []).get(key),
    jointFigures: [],
    jointChoice: (own) => choice.make(own),
  };
  const choice = new JointChoice(joints, (hidden) => {
    for (const [joint, figure] of page.jointFigures) figure.hidden = hidden.has(joint);
  });
  const roots = { views: byId("views"), curves: byId("curves"), sparse: byId("sparse"), moments: byId("moments") };
  document.documentElement.classList.toggle("several", embedded.length > 1);
  const titles = titlesOf(embedded.map(({ data }) => data));
  const several = embedded.length > 1;
  // The moments of two would push their curves away.
  if (several) byId("curves").after(byId("moments"));
  const runs = embedded.map((one, index) => new Run(page, index, several ? titles.own[index] : "", one, roots));
  const [leader] = runs, { stage, view, times } = leader;
  const link = new Link(runs);
  const strip = new Strip(byId("episodes"), leader, (time) => stage.seek(indexAt(times, time)));
  const chooser = new EpisodeChooser(byId("chooser"), leader, goTo);
  header();

  const scrub = byId("scrub");
  scrub.max = times.length - 1;
  scrub.addEventListener("input", () => { pause(); stage.seek(Number(scrub.value)); });
  byId("opacity").value = stage.opacity;
  byId("opacity").addEventListener("input", (event) => {
    for (const run of runs) {
      run.stage.setOpacity(Number(event.target.value));
      run.look.useOpacity();
      run.stage.redraw();
    }
  });
  byId("heat").addEventListener("change", (event) => {
    for (const run of runs) {
      run.stage.heatOn = event.target.checked;
      run.stage.redraw();
    }
  });
  byId("speed").addEventListener("change", () => {
    stage.video.playbackRate = Number(byId("speed").value);
  });
  byId("play").addEventListener("click", toggle);
  byId("back").addEventListener("click", () => step(-1));
  byId("forth").addEventListener("click", () => step(1));
  byId("all").addEventListener("click", () => view.set(0, view.end));
  byId("theme").addEventListener("click", theme.toggle);
  theme.onChange(() => {
    for (const run of runs) for (const chart of run.charts) chart.refresh();
    strip.draw();
  });
  byId("link").hidden = !several;
  byId("link-way").append(...link.ways.map((way) => new Option(LINKS[way], way)));
  byId("link-way").addEventListener("change", (event) => {
    link.way = event.target.value;
    link.follow();
    followers(leader.shown);
  });
  byId("views").addEventListener("enlarge", (event) => {
    document.documentElement.classList.toggle("enlarged", event.detail);
  });
  stage.video.addEventListener("play", () => { byId("play").textContent = "❚❚ Pause"; });
  stage.video.addEventListener("pause", () => { byId("play").textContent = "▶ Play"; });
  addEventListener("keydown", onKey);
  addEventListener("hashchange", followLink);
  if (location.hash) followLink(); else stage.seek(leader.data.first);

  /** Robot, task, policy and day as the title; what the recordings have, and lack. */
  function header() {
    const { robot, task, policy, date } = leader.data.heading;
    byId("name").textContent = [robot, task].filter(Boolean).join(": ") || (several ? "Side by side" : leader.data.name);
    byId("of").textContent = several ? titles.common : [policy && `policy ${policy}`, date].filter(Boolean).join(" · ");
    byId("figures").textContent = runs.map(figures).join("\n");
    const notes = runs.flatMap((run) => notesOf(run.data).map((note) => run.letterText + note));
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
    for (const run of runs) {
      const { looks, policy: about } = run.data, line = document.createElement("p");
      line.append(run.letterText);
      looks.all.forEach((look, place) => line.append(place ? "; " : "", ...saidOf(look)));
      line.append(`. Actions by ${about.chunk_mode || "–"}. Weights ${about.policy_sha256 || "unknown"}.`);
      byId("method").append(line);
      for (const topic of run.data.topics) {
        const row = byId("topics").insertRow();
        for (const text of [run.letterText + topic.name, topic.type, topic.count]) row.insertCell().textContent = text;
      }
    }
  }

  function figures(run) {
    const { data, episodeList } = run, outcomes = data.moments.filter((m) => ["reached", "missed"].includes(m.kind));
    const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    const parts = [`recording ${data.name}`, count(run.times.length, "tick"),
      `${(run.end - run.times[0]).toFixed(1)} s`, count(episodeList.length, "episode")];
    if (outcomes.length) {
      parts.push(`${outcomes.filter((m) => m.kind === "reached").length} of ${outcomes.length} reached`);
    }
    parts.push(`cameras ${run.names.join(", ")}`);
    return run.letterText + parts.join(" · ");
  }

  function notesOf(data) {
    const invalid = Object.keys(data.reasons);
    const of = invalid.length ? [`${invalid.length} ticks have no map (first: ${data.reasons[invalid[0]]})`] : [];
    return [...data.notes, ...of];
  }

  function seek(run, time) { stage.seek(link.tick(leader, time + link.shift(run))); }

  function goTo(tick) {
    pause();
    stage.seek(tick);
    view.follow(times[tick]);
  }

  function followLink() {
    const match = /^#t=([0-9.]+)$/.exec(location.hash);
    if (match) goTo(nearestIndex(times, Number(match[1])));
  }

  /** The others show the tick that is nearest in the time that they share. */
  function followers(tick) {
    for (const run of runs) {
      if (run === leader) continue;
      const there = link.tick(run, times[tick]);
      if (there !== run.stage.wanted || run.stage.tick < 0) run.stage.seek(there);
    }
  }

  function onShown(run, tick, drawn) {
    if (run !== leader) {
      run.show(tick, drawn, run.times[tick] + link.shift(run) - times[leader.shown]);
      return;
    }
    const before = leader.episodeAt(leader.shown);
    run.show(tick, drawn);
    scrub.value = tick;
    scrub.setAttribute("aria-valuetext", `${times[tick].toFixed(2)} seconds, episode ${run.data.episodes[tick]}`);
    strip.draw();
    if (drawn && !stage.video.paused) view.follow(times[tick]);
    if (several && link.way === "episode" && leader.episodeAt(tick) !== before) link.follow();
    followers(tick);
  }

  function step(by) { pause(); stage.seek(stage.wanted + by); view.follow(times[stage.wanted]); }

  function pause() { if (stage.playing) stage.pause(); }

  function toggle() {
    if (stage.moves) stage.pause(); else stage.play(Number(byId("speed").value));
  }

  function moment(by) {
    const all = [...new Set(leader.data.moments.map((m) => m.tick))].sort((a, b) => a - b);
    const shown = leader.shown;
    const next = by > 0 ? all.find((tick) => tick > shown) : all.reverse().find((tick) => tick < shown);
    if (next !== undefined) goTo(next);
  }

  /** Enlarge the next picture, or none after the last. */
  function nextPicture() {
    const all = runs.flatMap((run) => run.stage.cameras.map((camera) => camera.picture));
    const here = all.findIndex((picture) => picture.figure.classList.contains("large"));
    if (here >= 0) all[here].enlarge(false);
    if (here + 1 < all.length) all[here + 1].enlarge(true);
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
    const second = (by) => goTo(nearestIndex(times, times[leader.shown] + by));
    const keys = {
      " ": toggle,
      ArrowLeft: () => (event.shiftKey ? second(-1) : step(-1)),
      ArrowRight: () => (event.shiftKey ? second(1) : step(1)),
      Home: () => goTo(0),
      End: () => goTo(times.length - 1),
      n: () => moment(1),
      p: () => moment(-1),
      h: () => byId("heat").click(),
      c: nextPicture,
      Escape: () => {
        for (const run of runs) for (const { picture } of run.stage.cameras) if (picture.figure.matches(".large")) picture.enlarge(false);
      },
      "[": () => chooser.step(-1),
      "]": () => chooser.step(1),
      e: () => chooser.choose(leader.episodeAt(leader.shown)),
      0: () => view.set(0, view.end),
      "+": () => view.zoom(0.5, times[leader.shown]),
      "-": () => view.zoom(2, times[leader.shown]),
    };
    const button = event.target.tagName === "BUTTON" || event.target.tagName === "SUMMARY";
    if (!keys[event.key] || (event.key === " " && (button || event.target.type === "checkbox"))) return;
    if (event.target.id === "opacity" && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    keys[event.key]();
  }
})();
