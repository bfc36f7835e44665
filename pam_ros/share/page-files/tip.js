// SPDX-License-Identifier: Apache-2.0
"use strict";

/** One small box beside the mouse, for whoever has something to say about where it is. */
const tip = (() => {
  let box = null;

  function made() {
    if (box) return box;
    box = document.createElement("div");
    box.id = "tip";
    box.hidden = true;
    document.body.append(box);
    return box;
  }
  return {
    /** Lines of {text, value, color}; color: a name of palette.css, none for a line without a swatch. */
    show(event, lines) {
      const root = made();
      root.replaceChildren(...lines.map(({ text, value, color }) => {
        const line = document.createElement("p");
        if (color) {
          const swatch = document.createElement("i");
          swatch.style.background = `var(${color})`;
          line.append(swatch);
        }
        line.append(text);
        if (value !== undefined) {
          const bold = document.createElement("b");
          bold.textContent = value;
          line.append(" ", bold);
        }
        return line;
      }));
      root.hidden = false;
      const { width, height } = root.getBoundingClientRect(), away = 14;
      const left = event.clientX + away + width > innerWidth ? event.clientX - away - width : event.clientX + away;
      const top = Math.min(event.clientY + away, innerHeight - height - 4);
      root.style.left = `${Math.max(4, left)}px`;
      root.style.top = `${Math.max(4, top)}px`;
    },
    hide() { if (box) box.hidden = true; },
  };
})();
