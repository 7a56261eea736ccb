/* Has htmx fetch a part of the page again, when something asks for it: the feed (live.js) or time.
   The server renders it; the part has hx-get, hx-trigger="live" and some of these:

     data-live-every="500"   at most once in so many milliseconds
     data-live-gentle        wait while somebody types in it, or has something open in it
     data-live-paused        not now
     data-live-poll="5000"   ask so often, for what no event tells; not while the page is hidden

   <details id data-keep-open> in it stay open. */
(() => {
  "use strict";
  const waiting = new WeakMap();
  const last = new WeakMap();

  function refresh(node) {
    if (node.hasAttribute("data-live-paused")) return;
    if (node.hasAttribute("data-live-gentle") && isTyping(node)) {
      later(node, 1000);
      return;
    }
    const pause = Number(node.dataset.liveEvery || 0) - (performance.now() - (last.get(node) ?? -1e9));
    if (pause > 0) {
      later(node, pause);
      return;
    }
    last.set(node, performance.now());
    // Not htmx.trigger: that event would bubble and refresh what is around the node as well.
    if (node.isConnected) node.dispatchEvent(new CustomEvent("live"));
  }

  function later(node, pause) {
    if (waiting.has(node)) return;
    const again = () => {
      waiting.delete(node);
      refresh(node);
    };
    waiting.set(node, setTimeout(again, pause));
  }

  function isTyping(node) {
    const focused = document.activeElement;
    if (!node.contains(focused)) return false;
    return focused.matches("input, select, textarea") || focused.closest("details[open]") !== null;
  }

  const polled = new WeakMap();

  function poll() {
    if (document.hidden) return;
    document.querySelectorAll("[data-live-poll]").forEach((node) => {
      const due = (polled.get(node) ?? opened) + Number(node.dataset.livePoll);
      if (performance.now() < due) return;
      polled.set(node, performance.now());
      refresh(node);
    });
  }

  // Asked for before somebody opened something in it, answered after.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { target, requestConfig } = detail;
    if (requestConfig.triggeringEvent?.type !== "live") return;
    if (!target.hasAttribute("data-live-gentle") || !isTyping(target)) return;
    detail.shouldSwap = false;
    later(target, 1000);
  });

  let open = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    const details = event.detail.target.querySelectorAll("details[data-keep-open][open]");
    open = [...details].map((one) => one.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  });

  const opened = performance.now();
  setInterval(poll, 500);
  document.addEventListener("visibilitychange", poll);
  document.addEventListener("live:refresh", (event) => refresh(event.target));
})();
