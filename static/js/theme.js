/* The chosen theme, before the first paint. Without a choice the system decides. */
(() => {
  "use strict";
  const KEY = "switchboard-theme";
  const ORDER = ["system", "light", "dark"];
  const root = document.documentElement;

  function read() {
    try {
      const kept = localStorage.getItem(KEY);
      return ORDER.includes(kept) ? kept : "system";
    } catch {
      return "system";
    }
  }

  function show(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  function label(button, theme) {
    const words = document.getElementById("texts").dataset[
      "theme" + theme[0].toUpperCase() + theme.slice(1)
    ];
    button.querySelector("[data-theme-words]").textContent = words;
    button.title = words;
  }

  root.classList.add("js");
  show(read());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-button]");
    if (!button) return;
    button.hidden = false;
    label(button, read());
    button.addEventListener("click", () => {
      const next = ORDER[(ORDER.indexOf(read()) + 1) % ORDER.length];
      try {
        localStorage.setItem(KEY, next);
      } catch {
        /* private mode: the choice lasts as long as the page */
      }
      show(next);
      label(button, next);
    });
  });
})();
