/* Single keys: / searches, ? shows the list, g and a letter goes somewhere, j and k walk a list.

   Never while somebody types, never with Ctrl, Alt or the system's key, and not at all once they
   are switched off in the list (a person who dictates, or presses keys by accident). The places
   are the links with data-key, so that a place that is not on the page has no key. */
(() => {
  "use strict";
  const KEY = "switchboard-shortcuts";
  const PATIENCE = 1500; // ms between g and the letter
  const list = document.getElementById("shortcuts");
  const ticked = list?.querySelector("[data-shortcuts-on]");
  const ROWS = ".table tbody th a, .line-main > a, .event-link, .chat";
  let going = -Infinity; // when g was pressed

  function on() {
    try {
      return localStorage.getItem(KEY) !== "off";
    } catch {
      return true;
    }
  }

  function keep(wanted) {
    try {
      localStorage.setItem(KEY, wanted ? "on" : "off");
    } catch {
      /* private mode: the choice lasts as long as the page */
    }
  }

  function types(node) {
    return node.isContentEditable || node.closest("input, textarea, select, [role=textbox]") !== null;
  }

  function places() {
    return [...document.querySelectorAll("[data-key]")];
  }

  function fill() {
    const home = list.querySelector("[data-shortcut-places]");
    const rows = places().flatMap((link) => {
      const term = document.createElement("dt");
      const key = document.createElement("kbd");
      key.textContent = link.dataset.key;
      term.append(key);
      const words = document.createElement("dd");
      words.textContent = link.textContent.trim();
      return [term, words];
    });
    home.replaceChildren(...rows);
    ticked.checked = on();
  }

  function show() {
    if (!list || document.querySelector("dialog[open]")) return;
    fill();
    list.showModal();
  }

  function search() {
    const fields = [...document.querySelectorAll("#main [data-search], [data-search]")];
    const seen = fields.filter((field) => field.offsetParent);
    const field = seen.find((one) => one.closest("#main")) ?? seen[0];
    if (field) {
      field.focus();
      field.select();
    } else {
      document.querySelector("[data-search-page]")?.click();
    }
  }

  function walk(step) {
    const rows = [...document.querySelectorAll(`#main :is(${ROWS})`)].filter((row) => row.offsetParent);
    const here = rows.indexOf(document.activeElement);
    const next = rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step];
    next?.focus();
  }

  const ACTIONS = { "/": search, "?": show, j: () => walk(1), k: () => walk(-1) };

  function press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && types(event.target)) {
      event.target.blur();
      return;
    }
    if (!on() || event.isComposing || types(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const followed = performance.now() - going < PATIENCE;
    going = -Infinity;
    if (followed) {
      const place = places().find((link) => link.dataset.key === event.key);
      if (place) {
        event.preventDefault();
        place.click();
        return;
      }
    }
    if (event.key === "g") {
      going = performance.now();
      return;
    }
    const act = ACTIONS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }

  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-shortcuts-button]")) show();
  });
  ticked?.addEventListener("change", () => keep(ticked.checked));
  document.querySelectorAll("[data-shortcuts-button]").forEach((button) => {
    button.hidden = false;
  });
})();
