// SPDX-License-Identifier: Apache-2.0
"use strict";

/** Dark or light: as the system is, unless somebody chose. Stands in the head, so that nothing flashes. */
const theme = (() => {
  const system = matchMedia("(prefers-color-scheme: light)");
  const listeners = [], colours = new Map();
  let chosen = "";

  function apply() {
    colours.clear();
    document.documentElement.dataset.theme = chosen || (system.matches ? "light" : "dark");
    for (const listener of listeners) listener();
  }
  system.addEventListener("change", apply);
  apply();
  return {
    /** Call this whenever the colours have changed: what is drawn on a canvas does not follow by itself. */
    onChange: (listener) => listeners.push(listener),
    /** The other one; where that is the system's, the system's again. */
    toggle() {
      const other = document.documentElement.dataset.theme === "light" ? "dark" : "light";
      chosen = other === (system.matches ? "light" : "dark") ? "" : other;
      apply();
    },
    /** The value of a colour of palette.css; asked once, since every question lays the page out anew. */
    colour(name) {
      if (!colours.has(name)) {
        colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
      }
      return colours.get(name);
    },
  };
})();

/** The value of a colour of palette.css, such as "--ink". */
const colour = theme.colour;
