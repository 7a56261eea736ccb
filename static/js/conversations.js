/* An open conversation: fresh messages are merged one by one, so that nothing that plays, is open or
   is being typed is lost; typing notices; read marks. Works without this file, too. Where one writes
   is in composer.js. */
(() => {
  "use strict";
  const thread = document.querySelector(".thread");
  const home = document.getElementById("messages");
  if (!thread || !home) return;
  const pane = thread.querySelector(".thread-pane");
  const toNewest = thread.querySelector("[data-to-newest]");
  const FAR = 240; // pixels above the newest message
  const TYPING_FOR = 20000; // ms; WhatsApp repeats the notice while somebody goes on

  /* Merge --------------------------------------------------------------------------------- */

  function busy(item) {
    const playing = [...item.querySelectorAll("audio, video")].some((node) => !node.paused);
    return playing || item.querySelector("details[open]");
  }

  /* What somebody reads stays where it is, whatever comes above or below it. At the end: the end. */
  function inPlace(change) {
    const edge = pane.getBoundingClientRect().top;
    const read = [...home.querySelectorAll("#thread-list > .msg")].find(
      (item) => item.getBoundingClientRect().bottom > edge,
    );
    const before = read?.getBoundingClientRect().top;
    const atEnd = Math.abs(pane.scrollTop) < 2; // it counts from the end
    const last = home.querySelector("#thread-list > :last-child")?.id;
    change();
    const now = read && document.getElementById(read.id);
    if (now && !atEnd) pane.scrollTop += now.getBoundingClientRect().top - before;
    const grew = home.querySelector("#thread-list > :last-child")?.id !== last;
    if (grew && !atEnd) toNewest.classList.add("button-main");
  }

  pane.addEventListener("scroll", () => {
    toNewest.hidden = pane.scrollTop > -FAR;
    if (toNewest.hidden) toNewest.classList.remove("button-main");
  });
  toNewest.addEventListener("click", () => {
    pane.scrollTop = 0;
    pane.focus({ preventScroll: true });
  });

  function merge(text) {
    let merged = false;
    inPlace(() => {
      merged = mergeInto(new DOMParser().parseFromString(text, "text/html"));
    });
    return merged;
  }

  function mergeInto(fresh) {
    const list = document.getElementById("thread-list");
    const wanted = fresh.getElementById("thread-list");
    if (!list || !wanted) return false;
    const last = list.lastElementChild?.id;
    const ids = new Set([...wanted.children].map((item) => item.id));
    let place = null; // the item before
    for (const item of [...wanted.children]) {
      const known = document.getElementById(item.id);
      if (known && (known.dataset.version === item.dataset.version || busy(known))) {
        place = known;
        continue;
      }
      document.adoptNode(item);
      const focused = known?.contains(document.activeElement);
      if (known) known.replaceWith(item);
      else if (place) place.after(item);
      else list.prepend(item);
      window.htmx.process(item);
      if (focused) item.querySelector("button, summary, a")?.focus();
      place = item;
    }
    for (const item of [...list.children]) {
      if (!ids.has(item.id)) item.remove();
    }
    for (const id of ["thread-top", "thread-end"]) swap(id, fresh);
    document.dispatchEvent(new CustomEvent("times:show"));
    if (last) say(after(last));
    return true;
  }

  function swap(id, fresh) {
    const part = fresh.getElementById(id);
    const old = document.getElementById(id);
    if (!part || !old || old.innerHTML === part.innerHTML) return;
    document.adoptNode(part);
    const focused = old.contains(document.activeElement);
    old.replaceWith(part);
    window.htmx.process(part);
    if (focused) part.querySelector("a, button")?.focus({ preventScroll: true });
  }

  function after(id) {
    const items = [];
    for (let item = document.getElementById(id); item; item = item.nextElementSibling) {
      if (item.id !== id) items.push(item);
    }
    return items;
  }

  function say(items) {
    const words = items.map((item) => item.dataset.words?.trim()).filter(Boolean);
    if (words.length) document.getElementById("announcer").textContent = words.join(". ");
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== home || event.detail.xhr.status !== 200) return;
    if (merge(event.detail.xhr.responseText)) {
      event.detail.shouldSwap = false;
      markRead();
    }
  });

  // What was left alone because it was open is brought up to date when it is closed.
  home.addEventListener(
    "toggle",
    (event) => {
      if (!event.target.open) home.dispatchEvent(new CustomEvent("live:refresh", { bubbles: true }));
    },
    true,
  );

  /* Typing -------------------------------------------------------------------------------- */

  const typing = document.getElementById("typing");
  let quiet;

  document.addEventListener("live:event", ({ detail }) => {
    const { data, type } = detail;
    if (detail.account_id !== thread.dataset.threadAccount || !data?.chat) return;
    const { threadJid, threadLid } = thread.dataset;
    if (data.chat.jid !== threadJid && (!threadLid || data.chat.lid !== threadLid)) return;
    clearTimeout(quiet);
    const words = { typing: thread.dataset.wordsTyping, recording: thread.dataset.wordsRecording };
    if (type !== "chat.presence" || !words[data.state]) {
      if (type === "chat.presence" || type === "message") typing.textContent = "";
      return;
    }
    const who = data.sender?.push_name || thread.dataset.wordsSomebody;
    typing.textContent = `${who} ${words[data.state]}`;
    quiet = setTimeout(() => {
      typing.textContent = "";
    }, TYPING_FOR);
  });

  /* Read marks: only what somebody can see ------------------------------------------------- */

  function markRead() {
    const form = document.querySelector("form[data-mark-read]");
    if (!form || document.hidden) return;
    form.removeAttribute("data-mark-read");
    form.requestSubmit();
  }

  document.addEventListener("visibilitychange", markRead);
  window.addEventListener("load", markRead);

  /* Menus and dialogs ---------------------------------------------------------------------- */

  document.addEventListener("conversation-changed", () => {
    document.getElementById("thread-note").replaceChildren();
    const dialog = document.getElementById("dialog");
    if (dialog.open) dialog.close();
    thread.querySelectorAll("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
  });
  document.addEventListener("click", (event) => {
    const within = event.target.closest("details.menu");
    thread.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (menu !== within || event.target.closest("a, button")) menu.removeAttribute("open");
    });
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
    if (!menu) return;
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  });
})();
