/* Copy buttons, the confirmation dialog, the ticked rows, filters, and errors that htmx met. */
(() => {
  "use strict";
  const texts = document.getElementById("texts").dataset;
  const dialog = document.getElementById("dialog");

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    return undefined;
  }

  function say(text) {
    document.getElementById("announcer").textContent = text;
  }

  async function copyFrom(button) {
    const source = button.dataset.copy && document.getElementById(button.dataset.copy);
    await copy(source ? source.textContent : button.dataset.copyText);
    const words = button.querySelector("span");
    const before = words.textContent;
    button.classList.add("copied");
    words.textContent = texts.copied;
    say(texts.copied);
    setTimeout(() => {
      button.classList.remove("copied");
      words.textContent = before;
    }, 1500);
  }

  const notices = document.getElementById("notices");

  function showError(text) {
    const note = document.createElement("p");
    note.className = "note note-error";
    note.dataset.passing = "";
    note.setAttribute("role", "alert");
    note.textContent = text;
    notices.replaceChildren(note);
    note.scrollIntoView({ block: "nearest" });
  }

  // What was told of a button holds until a button works again.
  function forget() {
    notices.querySelectorAll("[data-passing]").forEach((note) => note.remove());
  }

  // The page of a refusal says why, for example that one's role was changed meanwhile.
  function why(xhr) {
    if (xhr.status !== 403) return "";
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    return page.querySelector("[data-why]")?.textContent.trim() ?? "";
  }

  /* Filters and roles: choosing with the pointer is enough. An arrow key chooses each entry that it
     passes, so whoever uses keys gets the button, or presses Enter. */
  const pointed = new WeakSet();
  document.addEventListener("pointerdown", (event) => pointed.add(event.target));
  document.addEventListener("keydown", (event) => {
    pointed.delete(event.target);
    const form = event.key === "Enter" && event.target.matches("select") && event.target.form;
    if (!form || !form.matches("[data-auto-submit][data-chosen]")) return;
    event.preventDefault();
    form.requestSubmit();
  });

  function chosen(form, field) {
    if (pointed.has(field)) {
      form.requestSubmit();
      return;
    }
    form.dataset.chosen = "";
    form.querySelector("button[data-hide-with-js]")?.removeAttribute("data-hide-with-js");
  }

  function countTicks(form) {
    const ticks = [...form.querySelectorAll('input[name="account"]')];
    const many = ticks.filter((tick) => tick.checked).length;
    const all = form.querySelector("[data-bulk-all]");
    if (!all) return;
    all.checked = many > 0 && many === ticks.length;
    all.indeterminate = many > 0 && many < ticks.length;
    form.querySelectorAll("button[name=verb]").forEach((button) => {
      button.disabled = many === 0;
    });
    form.classList.toggle("bulk-some", many > 0);
  }

  function prepare() {
    document.querySelectorAll("form[data-bulk]").forEach(countTicks);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (button) copyFrom(button).catch(() => showError(texts.failed));
    const close = event.target.closest("[data-close]");
    if (close && dialog.open) {
      event.preventDefault();
      dialog.close();
    }
    const pause = event.target.closest("[data-pause]");
    if (pause) {
      const list = document.querySelector(pause.dataset.pause);
      const paused = list.toggleAttribute("data-live-paused");
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? pause.dataset.wordsOn : pause.dataset.wordsOff;
      if (!paused) list.dispatchEvent(new CustomEvent("live:refresh", { bubbles: true }));
    }
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-bulk]");
    if (form) {
      if (event.target.matches("[data-bulk-all]")) {
        form.querySelectorAll('input[name="account"]').forEach((tick) => {
          tick.checked = event.target.checked;
        });
      }
      countTicks(form);
    }
    const choice = event.target.closest("form[data-auto-submit]");
    if (choice) chosen(choice, event.target);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "dialog-body") dialog.showModal();
    if (event.detail.target.id === "event-detail") {
      document.querySelectorAll(".event-link[aria-current]").forEach((link) => {
        link.removeAttribute("aria-current");
      });
      event.detail.requestConfig.elt.setAttribute("aria-current", "true");
      // Beside the list on a wide screen, below it on a narrow one.
      if (window.matchMedia("(width <= 860px)").matches) event.detail.target.scrollIntoView();
    }
    prepare();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    if (xhr.status !== 401) showError(why(xhr) || texts.failed);
  });
  document.addEventListener("htmx:sendError", (event) => {
    // A refresh that failed shows as the lost connection; a button that failed needs words.
    if (event.detail.requestConfig.verb === "post") showError(texts.away);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.requestConfig.verb === "post") forget();
  });

  document.querySelectorAll(".tabs [aria-current], .nav [aria-current]").forEach((link) => {
    link.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  document.querySelectorAll("[data-pause]").forEach((button) => {
    button.hidden = false;
  });
  prepare();
})();
