/* A form is sent once, however often somebody presses while the server thinks: a second press of
   "Add" would add a second number. */
(() => {
  "use strict";
  const PATIENCE = 10000; // ms; the answer to a form may be a file, and then the page stays
  const sent = new WeakSet();

  function release(form) {
    sent.delete(form);
    form.removeAttribute("aria-busy");
  }

  // htmx marks the form whose request runs.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (form.method !== "post") return;
      if (!sent.has(form) && !form.classList.contains("htmx-request")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  window.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    sent.add(form);
    form.setAttribute("aria-busy", "true");
    setTimeout(() => release(form), PATIENCE);
  });

  // Back from the next page, and the browser had kept this one as it was.
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(release));
})();
