// SPDX-License-Identifier: Apache-2.0
"use strict";

/** One recording on the page: its pictures, curves, features and moments. */
class Run {
  /**
   * page: {onSeek(run, time), onShown(run, tick, drawn), onPoint(run, time), goTo(run, time), peersOf(key),
   * jointChoice(joints), jointFigures}. title: what tells it from the others; empty where it is alone.
   * roots: {views, curves, sparse, moments}.
   */
  constructor(page, index, title, { data, cells, video }, roots) {
    Object.assign(this, { page, index, data, times: data.times, charts: [], shown: 0 });
    this.end = this.times[this.times.length - 1];
    this.names = data.cameras.map((camera) => camera.name);
    this.letterText = title ? `${"AB"[index]}: ` : "";
    const steps = this.times.slice(1).map((t, i) => t - this.times[i]).sort((a, b) => a - b);
    this.gap = 10 * (steps.length ? steps[steps.length >> 1] : 0.1) + 0.5;
    this.episodeList = episodesOf(data);
    this.begins = this.episodeList.slice(1).map(({ begin }) => begin);
    this.marks = data.moments.filter((m) => m.kind === "annotation")
      .map((m) => ({ time: this.times[m.tick], text: m.text }));
    this.view = new View(this.end);

    const view = this.part(roots.views, "view", "div");
    view.className = "view";
    this.headed(view, title);
    const cameras = this.part(view, "cameras", "div");
    cameras.className = "pictures";
    this.now = this.part(view, "now", "p");
    this.now.className = "now";
    const driven = this.part(view, "driven", "p");
    driven.className = "driven";
    driven.hidden = true;
    driven.setAttribute("aria-live", "polite");
    this.words = this.part(view, "words", "div");
    this.words.className = "words";
    const player = this.part(document.body, "video", "video");
    player.className = "player";
    Object.assign(player, { muted: true, playsInline: true, preload: "auto", tabIndex: -1 });
    player.setAttribute("aria-hidden", "true");

    this.stage = new Stage(data, cells, player, cameras, (tick, drawn) => page.onShown(this, tick, drawn));
    this.look = new LookLine(view, this.stage);
    cameras.after(this.look.how.parentElement);
    for (const camera of this.stage.cameras) {
      camera.picture.onPoint((event, x, y) => this.look.point(event, camera.cellAt(this.stage.map, x, y)),
        (event) => this.look.point(event, null));
    }
    this.drivers = new Drivers(data, this.stage, driven);
    const curves = this.part(roots.curves, "charts", "div");
    curves.className = "charts";
    this.headed(curves, title);
    makeCurves(this, curves);
    const sparse = this.part(roots.sparse, "features", "section");
    sparse.className = "features";
    sparse.hidden = true;
    this.features = new FeatureCards(this, sparse);
    const moments = document.createElement("div");
    if (data.moments.length) this.headed(moments, title);
    roots.moments.append(moments);
    this.links = makeMoments(this, moments, (time) => page.goTo(this, time));
    this.player = player;
    player.src = video;
  }

  /** An element of the page that every recording has: those of the first have the plain names. */
  part(root, name, tag) {
    const element = document.createElement(tag);
    element.id = this.index ? `${name}-${this.index + 1}` : name;
    root.append(element);
    return element;
  }

  /** Its letter and title above what is its own, where there are several. */
  headed(root, title) {
    if (!title) return;
    const name = document.createElement("h2");
    name.textContent = this.letterText + title;
    root.append(name);
  }

  get sharesTitle() {
    const first = this.data.looks.all[0];
    return first && first.unit ? "Shares of what moved the target" : "Attention shares";
  }

  /** The place in episodeList of a tick's episode. */
  episodeAt(tick) {
    return indexAt(this.episodeList.map(({ first }) => first), tick);
  }

  peaksOf(...kinds) {
    return this.data.moments.filter((m) => kinds.includes(m.kind)).map((m) => ({ time: this.times[m.tick], ...m }));
  }

  perTick(label, color, values, more) {
    return { label, color, times: this.times, values, gap: this.gap, perTick: true, ...more };
  }

  /** alone: a chart that has no counterpart in another recording. */
  addChart(root, options) {
    const key = `${options.title} ${options.unit || ""}`;
    const chart = new Chart(root, {
      view: this.view, episodes: this.begins, marks: this.marks,
      peers: options.alone ? [] : this.page.peersOf(key),
      onSeek: (time) => this.page.onSeek(this, time), onPoint: (time) => this.page.onPoint(this, time), ...options,
    });
    this.charts.push(chart);
    return chart;
  }

  /** The cursor moves at once; pictures follow when they are decoded. away: how far the tick is from now [s]. */
  show(tick, drawn, away = 0) {
    this.shown = tick;
    const { data, times } = this, time = times[tick];
    for (const chart of this.charts) chart.cursor(time, tick);
    const reason = data.reasons[tick], far = Math.abs(away) > this.gap;
    const here = data.moments.filter((m) => m.tick === tick).map((m) => ` · ${m.text} ${m.value}`);
    this.now.textContent = `${time.toFixed(2)} s · episode ${data.episodes[tick]} · tick ${data.ticks[tick]}`
      + here.slice(0, 2).join("");
    for (const text of [reason && `no map: ${reason}`, far && "nothing recorded at this time, the nearest tick is shown"]) {
      if (!text) continue;
      const warning = document.createElement("span");
      warning.className = "warn";
      warning.textContent = ` · ${text}`;
      this.now.append(warning);
    }
    for (const link of this.links) link.classList.toggle("here", Number(link.dataset.tick) === tick);
    this.drawWords(tick);
    if (!drawn) return;
    this.look.show();
    this.features.draw(tick);
  }

  /** Named tokens, each on the colour of its mass, on the scale of the cells. */
  drawWords(tick) {
    const { data, words: root } = this, scale = data.heat.scales[tick];
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
}

/** Runs of ticks of one episode: {number, first, last, begin, end, result, text}. */
function episodesOf({ times, episodes, moments }) {
  const list = [];
  for (let first = 0; first < times.length;) {
    let last = first;
    while (last + 1 < times.length && episodes[last + 1] === episodes[first]) last++;
    const ends = moments.find((m) => ["reached", "missed"].includes(m.kind) && m.tick >= first && m.tick <= last);
    const result = ends ? ends.kind : "", length = times[last] - times[first];
    const text = [`Episode ${episodes[first]}`, result, `${length.toFixed(1)} s`].filter(Boolean).join(" · ");
    list.push({ number: episodes[first], first, last, begin: times[first], end: times[last], result, text });
    first = last + 1;
  }
  return list;
}

/** What each recording is of, in one line, without what all of them have; and that. */
function titlesOf(all) {
  const parts = all.map(({ name, heading, looks }) => {
    const methods = [...new Set(looks.all.map(({ method }) => method))].join(" and ");
    const { robot, task, policy, date } = heading;
    return [robot && `robot ${robot}`, task, methods, policy && `policy ${policy}`, date, `recording ${name}`].filter(Boolean);
  });
  const common = parts[0].filter((part) => parts.every((other) => other.includes(part)));
  const own = parts.map((some) => some.filter((part) => !common.includes(part)).join(" · ") || some[some.length - 1]);
  // Robot and task are the page's title.
  return { own, common: common.filter((part) => !part.startsWith("robot ") && part !== all[0].heading.task).join(" · ") };
}
