/* <time data-when>: local and relative, exact on hover; data-clock: the local time of day, data-day:
   the local date. [data-countdown="17.3"]: seconds that are
   left when the element arrives, so that a wrong clock on this machine does not matter. */
(() => {
  "use strict";
  const language = document.documentElement.lang || undefined;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  const weekday = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  const UNITS = [
    ["second", 60],
    ["minute", 60],
    ["hour", 24],
    ["day", 14],
  ];
  const deadlines = new WeakMap();

  function words(at) {
    let amount = (at - Date.now()) / 1000;
    if (Math.abs(amount) < 5) return document.getElementById("texts").dataset.now;
    for (const [unit, limit] of UNITS) {
      if (Math.abs(amount) < limit) {
        // "in 5 min." at the end of a sentence would end it twice.
        return relative.format(Math.trunc(amount), unit).replace(/\.$/, "");
      }
      amount /= limit;
    }
    return day.format(at);
  }

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function showTime(node) {
    const at = new Date(node.dateTime);
    node.title = exact.format(at);
    write(node, words(at));
  }

  function showLocal(node, format) {
    const at = new Date(node.dateTime);
    node.title = exact.format(at);
    write(node, format.format(at));
  }

  function showCountdown(node) {
    if (!deadlines.has(node)) {
      deadlines.set(node, performance.now() + Number(node.dataset.countdown) * 1000);
    }
    const left = Math.max(0, Math.ceil((deadlines.get(node) - performance.now()) / 1000));
    write(node, `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
    if (left === 0 && node.dataset.over === undefined) {
      node.dataset.over = "";
      node.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
    }
  }

  function tick() {
    document.querySelectorAll("time[data-when]").forEach(showTime);
    document.querySelectorAll("[data-countdown]").forEach(showCountdown);
  }

  // Times of day change only when the page does.
  function local() {
    document.querySelectorAll("time[data-clock]").forEach((node) => showLocal(node, clock));
    document.querySelectorAll("time[data-day]").forEach((node) => showLocal(node, weekday));
  }

  function all() {
    tick();
    local();
  }

  all();
  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSettle", all);
  document.addEventListener("htmx:oobAfterSwap", all);
  document.addEventListener("times:show", all);
})();
