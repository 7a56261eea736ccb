/* Where one writes in a conversation: Enter sends, files are pasted or dropped.

   The server answers with a fresh composer. What is typed until it comes belongs to the next message:
   it stays, and Enter sends it as soon as the one before has been taken. A message that was not taken
   comes back. */
(() => {
  "use strict";
  const thread = document.querySelector(".thread");
  if (!thread) return;
  let onItsWay = null; // while a request runs: {sent, left}, the text it took and what it left
  let waiting = []; // texts that Enter was pressed for meanwhile

  function field() {
    return document.getElementById("composer-text");
  }

  function grow(area) {
    area.rows = Math.min(8, Math.max(1, area.value.split("\n").length));
  }

  function fill(text) {
    const area = field();
    area.value = text;
    grow(area);
  }

  function send() {
    const { form } = field();
    form.requestSubmit(form.querySelector("button[name=send]"));
  }

  function isComposer(detail) {
    return detail.elt.id === "composer";
  }

  document.addEventListener("input", (event) => {
    if (event.target === field()) grow(event.target);
  });

  document.addEventListener("keydown", (event) => {
    if (event.target !== field() || event.key !== "Enter" || event.isComposing) return;
    if (event.shiftKey || !window.matchMedia("(pointer: fine)").matches) return;
    event.preventDefault();
    if (!onItsWay) {
      send();
    } else if (event.target.value.trim()) {
      waiting.push(event.target.value);
      fill("");
    }
  });

  /* One message after the other ----------------------------------------------------------- */

  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (!isComposer(detail)) return;
    const text = field().value;
    const sends = detail.requestConfig.triggeringEvent?.submitter?.name === "send";
    onItsWay = { sent: sends ? text : "", left: sends ? "" : text };
    if (sends) fill("");
  });

  // What did not go out, in lines; the person decides again.
  function backTo(text) {
    fill([text, ...waiting, field().value].filter(Boolean).join("\n"));
    waiting = [];
  }

  // Not swapped: the network, a refusal, or something broke. The form is as it was.
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!isComposer(detail) || !detail.elt.isConnected || !onItsWay) return;
    backTo(onItsWay.sent);
    onItsWay = null;
  });

  let typed = "";
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id !== "composer" || !onItsWay) return;
    const { value } = field();
    typed = value.startsWith(onItsWay.left) ? value.slice(onItsWay.left.length) : value;
  });

  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    const { id } = detail.target;
    if (id !== "composer" && id !== "reply-slot") return;
    if (id === "composer" && onItsWay) {
      const kept = field().value; // a text that was not taken; what is wrong with it stands below
      fill(onItsWay.sent ? typed : kept + typed);
      if (onItsWay.sent && kept) backTo(kept);
      typed = "";
    }
    grow(field());
    field().focus();
  });

  // Only now does htmx know the fresh form.
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    if (!onItsWay || detail.target.id !== "composer") return;
    onItsWay = null;
    if (!waiting.length) return;
    const later = field().value;
    fill(waiting.shift());
    send();
    fill(later);
  });

  /* Files that are pasted or dropped ------------------------------------------------------- */

  function tell(words) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = words;
    document.getElementById("thread-note").replaceChildren(...(words ? [note] : []));
  }

  function take(files) {
    const input = document.getElementById("composer-attach");
    if (!input || onItsWay || !files.length) return;
    const one = new DataTransfer();
    one.items.add(files[0]);
    input.files = one.files;
    tell(files.length > 1 ? thread.dataset.wordsOneFile : "");
    document.getElementById("announcer").textContent = files[0].name;
    field().focus();
  }

  document.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    // A table or a paragraph comes with a picture of itself: then it is the text that is meant.
    if (event.target !== field() || !files.length || event.clipboardData.getData("text/plain")) return;
    event.preventDefault();
    take(files);
  });

  function carriesFiles(event) {
    return event.dataTransfer?.types.includes("Files");
  }

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // beside the conversation, too: the browser would open the file instead
    const there = thread.contains(event.target) && document.getElementById("composer-attach");
    event.dataTransfer.dropEffect = there ? "copy" : "none";
    thread.classList.toggle("thread-drop", Boolean(there));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) thread.classList.remove("thread-drop");
  });
  document.addEventListener("drop", (event) => {
    thread.classList.remove("thread-drop");
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (thread.contains(event.target)) take(event.dataTransfer.files);
  });
})();
