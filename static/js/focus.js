/* Keeps the place of whoever works with the keyboard when a part of the page is replaced, by their own
   press or by the feed. The same link or button of the fresh part gets the focus; where it is gone, the
   heading of what came instead, which a screen reader then reads. htmx itself only knows ids. */
(() => {
  "use strict";
  const CONTROLS = "a[href], button, summary, input, select, textarea";
  /* A selector of what is the same in the next version of the part. */
  function nameOf(control) {
    const parts = [control.localName];
    for (const name of ["href", "name", "value"]) {
      if (control.hasAttribute(name)) parts.push(`[${name}="${CSS.escape(control.getAttribute(name))}"]`);
    }
    const action = control.closest("form")?.getAttribute("action");
    return (action ? `form[action="${CSS.escape(action)}"] ` : "") + parts.join("");
  }

  /* Where the control is; the part around it is known by its id. */
  function placeOf(control) {
    const part = control?.parentElement?.closest("[id]");
    if (!part) return null;
    const name = nameOf(control);
    const place = [...part.querySelectorAll(name)].indexOf(control);
    return { part: part.id, name, place, id: control.id };
  }

  function find({ part, name, place, id }) {
    const known = id && document.getElementById(id);
    if (known) return known;
    const home = document.getElementById(part);
    const same = home?.querySelectorAll(name)[place];
    if (same && !same.disabled) return same;
    return home?.querySelector("h1, h2, h3") ?? home;
  }

  function giveBack(place) {
    if (!place || document.activeElement !== document.body) return;
    const node = find(place);
    if (!node) return;
    if (!node.matches(CONTROLS)) node.setAttribute("tabindex", "-1");
    node.focus({ preventScroll: true });
  }

  const pressed = new WeakMap(); // request -> the place of what was pressed for it
  const parts = new WeakMap(); // request -> the place in the part that it replaces
  let aside = null; // the same of a part that comes along

  // Now, as a button that waits for its answer is disabled, and then has no focus any more.
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    const active = document.activeElement;
    if (active !== document.body && detail.elt.contains(active) && active.matches(CONTROLS)) {
      pressed.set(detail.xhr, placeOf(active));
    }
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const active = document.activeElement;
    const within = detail.target !== active && detail.target.contains(active);
    parts.set(detail.xhr, within ? placeOf(active) : null);
  });
  document.addEventListener("htmx:afterSwap", ({ detail: { xhr } }) => {
    giveBack(parts.get(xhr) ?? pressed.get(xhr));
  });
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    const active = document.activeElement;
    aside = detail.target !== active && detail.target.contains(active) ? placeOf(active) : null;
  });
  document.addEventListener("htmx:oobAfterSwap", () => {
    giveBack(aside);
    aside = null;
  });
})();
