/* The live page: listens to the workspace's event feed and has htmx fetch what changed.

   The feed only says that something happened; the server renders it. It resumes by its last seq,
   so nothing is missed across a lost connection. While it is away, the page polls.

     data-live-account="<id>"   refresh on events of this account
     data-live-types="a b"      … of these types only; * is all. Alone: events of any account
     data-live-chat="<jid> <lid>" … of this chat only, where the event names one
     data-live-rows="<url>"     fetch the changed cells of the rows in it, many in one request

   How a part is fetched, and how often at most, is in refresh.js. */
(() => {
  "use strict";
  const body = document.body;
  if (!body.dataset.workspace || !window.WebSocket) return;

  const FIRST_DELAY = 400; // ms; doubles up to LONGEST_DELAY
  const LONGEST_DELAY = 15000;
  const SILENCE = 45000; // the server pings every 20 s
  const BANNER_AFTER = 1200; // a page that is being left, or a quick restart, shows nothing
  const POLL = 5000;
  const ROWS_EVERY = 250;
  const FIGURES_EVERY = 3000;
  const CLOSED_FOR_GOOD = new Set([4401, 4404]);
  const CURSOR_REFUSED = new Set([4400, 4410]);

  const texts = document.getElementById("texts").dataset;
  const banner = document.getElementById("live-banner");
  const state = document.querySelector("[data-live-state]");
  let seq = Number(body.dataset.seq);
  let socket = null;
  let delay = FIRST_DELAY;
  let over = false;
  let retry, silence, bannerTimer, poll;

  /* What to refresh ------------------------------------------------------------------------- */

  function refresh(node) {
    node.dispatchEvent(new CustomEvent("live:refresh", { bubbles: true })); // refresh.js
  }

  function listens(node, event) {
    const account = node.dataset.liveAccount;
    if (account && account !== event.account_id) return false;
    const chats = node.dataset.liveChat?.split(" ");
    const chat = event.data?.chat;
    if (chats && chat && !chats.some((name) => name && (name === chat.jid || name === chat.lid))) {
      return false;
    }
    const types = (node.dataset.liveTypes || "*").split(" ");
    return types.includes("*") || types.includes(event.type);
  }

  function refreshAll() {
    document.querySelectorAll("[data-live-account], [data-live-types]").forEach(refresh);
    document.querySelectorAll("[data-live-row]").forEach((row) => changed.add(row.dataset.liveRow));
    scheduleRows();
  }

  const changed = new Set();
  let rowsTimer = null;

  let rowsAt = 0;

  function scheduleRows(pause = ROWS_EVERY) {
    const at = performance.now() + pause;
    if (!changed.size || (rowsTimer !== null && rowsAt <= at)) return;
    clearTimeout(rowsTimer);
    rowsAt = at;
    rowsTimer = setTimeout(fetchRows, pause);
  }

  function fetchRows() {
    rowsTimer = null;
    const ids = [...changed].filter((id) => document.querySelector(`[data-live-row="${id}"]`));
    changed.clear();
    const home = document.querySelector("[data-live-rows]");
    if (!home || !ids.length) return;
    const query = new URLSearchParams(ids.map((id) => ["id", id]));
    const group = new URLSearchParams(location.search).get("status");
    if (group) query.set("status", group);
    window.htmx.ajax("GET", `${home.dataset.liveRows}?${query}`, { source: home, swap: "none" });
  }

  function onEvent(event) {
    seq = event.seq;
    document.querySelectorAll("[data-live-account], [data-live-types]").forEach((node) => {
      if (listens(node, event)) refresh(node);
    });
    document.dispatchEvent(new CustomEvent("live:event", { detail: event }));
    document.querySelectorAll("[data-until-event]").forEach((node) => node.remove());
    const pause = { "session.status": ROWS_EVERY, message: FIGURES_EVERY }[event.type];
    if (pause && document.querySelector("[data-live-rows]")) {
      changed.add(event.account_id);
      scheduleRows(pause);
    }
  }

  /* The connection -------------------------------------------------------------------------- */

  function show(name, words) {
    if (!state) return;
    state.dataset.liveState = name;
    state.querySelector("[data-live-words]").textContent = words;
  }

  function connected() {
    delay = FIRST_DELAY;
    clearTimeout(bannerTimer);
    clearInterval(poll);
    poll = bannerTimer = undefined;
    banner.hidden = true;
    show("open", texts.live);
  }

  function lost() {
    if (over || bannerTimer) return;
    bannerTimer = setTimeout(() => {
      banner.hidden = false;
      show("lost", texts.lost);
    }, BANNER_AFTER);
    poll = setInterval(refreshAll, POLL);
  }

  function listen() {
    clearTimeout(retry);
    const query = new URLSearchParams({ workspace: body.dataset.workspace });
    if (seq !== null) query.set("after", String(seq));
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const mine = new WebSocket(`${scheme}://${location.host}/ws/v1/events?${query}`);
    socket = mine;
    mine.addEventListener("message", (message) => {
      if (mine !== socket) return;
      heard();
      const frame = JSON.parse(message.data);
      if (frame.type === "hello") {
        connected();
        if (seq === null) {
          seq = frame.seq;
          refreshAll();
        }
      } else if (frame.seq !== undefined) {
        onEvent(frame);
      }
    });
    mine.addEventListener("close", (event) => {
      if (mine !== socket) return;
      clearTimeout(silence);
      if (CLOSED_FOR_GOOD.has(event.code)) {
        over = true;
        location.reload(); // signed out, or no member any more: the server says what is next
        return;
      }
      if (CURSOR_REFUSED.has(event.code)) seq = null;
      lost();
      retry = setTimeout(listen, delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_DELAY);
    });
    heard();
  }

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(() => socket.close(), SILENCE);
  }

  function atOnce() {
    if (over || (socket && socket.readyState <= WebSocket.OPEN)) return;
    delay = FIRST_DELAY;
    listen();
  }

  // The browser knows at once what the silence of the line would tell in a while.
  window.addEventListener("offline", () => {
    socket.close();
    lost();
  });
  window.addEventListener("online", atOnce);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) atOnce();
  });
  window.addEventListener("pagehide", () => {
    over = true;
    socket?.close();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  // A code that ran out and was not followed by another: ask what became of it.
  document.addEventListener("countdown:over", (event) => {
    const node = event.target.closest("[data-live-account]");
    if (node) setTimeout(() => refresh(node), 1000);
  });
  // Say a changed status to people who do not see it.
  document.addEventListener("htmx:oobAfterSwap", (event) => announce(event.detail.target));
  document.addEventListener("htmx:afterSwap", (event) => announce(event.detail.target));
  let announced = document.querySelector("[data-announce]")?.dataset.announce;

  function announce(node) {
    const words = node.querySelector?.("[data-announce]")?.dataset.announce;
    if (!words || words === announced) return;
    announced = words;
    document.getElementById("announcer").textContent = words;
  }

  listen();
})();
