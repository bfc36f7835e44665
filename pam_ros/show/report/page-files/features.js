// SPDX-License-Identifier: Apache-2.0
"use strict";

/** The most active sparse features: when each is active, where it peaks, and a ring for one of them. */
class FeatureCards {
  constructor(run, root) {
    Object.assign(this, { run, cards: [] });
    const { features } = run.data;
    if (!features) return;
    root.hidden = false;
    const title = document.createElement("h2");
    title.textContent = `${run.letterText}The most active of ${features.dictionary} sparse features (${features.name}, `
      + `layer ${features.layer}): dots where each peaked, ring where it peaks now`;
    const grid = document.createElement("div");
    root.append(title, grid);
    for (const curve of features.curves) this.cards.push(this.makeCard(grid, curve));
  }

  makeCard(grid, curve) {
    const { run } = this, { data, names, stage } = run;
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
    run.addChart(card, { title: `Feature ${curve.feature}`, alone: true, lines: [run.perTick("", "--c5", curve.values)], height: 60,
      small: true, fromZero: true, peaks: run.peaksOf("feature").filter((m) => m.text.startsWith(`feature ${curve.feature} `)) });
    const made = { curve, places, canvases, on, card, button };
    button.addEventListener("click", () => {
      stage.feature = stage.feature === curve ? null : curve;
      for (const other of this.cards) {
        const chosen = stage.feature === other.curve;
        other.card.classList.toggle("chosen", chosen);
        other.button.setAttribute("aria-pressed", String(chosen));
      }
      stage.redraw();
    });
    return made;
  }

  /** With the pictures of this tick. */
  draw(tick) {
    const { stage } = this.run;
    for (const { curve, places, canvases, on } of this.cards) {
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
}
