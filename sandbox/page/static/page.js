// Keeps the page up to date. The server has rendered it once; from then on a stream has what changes.

import { announce, showConnection } from "./controls.js";
import { arrange, byId, fill, toggleLength } from "./items.js";

const AGAIN_MS = 1000; // until a lost connection is tried again
const SILENCE_MS = 15_000; // three signs of life are missing: the connection is lost, even if nothing says so
const HIDDEN_MS = 10_000; // between two polls of a page in the background

const state = { summary: {}, stackRows: [], groups: [], operations: [], problem: "" };

// --- The filter ---

const filter = byId("filter");
const textsOf = new WeakMap();

function textOf(operation) {
  const texts = [];
  const visit = (value) => {
    if (typeof value === "string") texts.push(value.toLowerCase());
    else if (value && typeof value === "object") Object.values(value).forEach(visit);
  };
  if (!textsOf.has(operation)) visit(operation), textsOf.set(operation, texts.join("\n"));
  return textsOf.get(operation);
}

function matching(operations) {
  const { which, of, text: field } = filter.elements;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const place = of.value;
  return operations.filter(
    (each) =>
      (which.value === "all" || each.failed) &&
      (!place || place === `stack:${each.stack}` || place === `group:${each.group}`) &&
      words.every((word) => textOf(each).includes(word)),
  );
}

function showMatches(shown, all) {
  const { which, of, text: field } = filter.elements;
  const isOn = which.value !== "all" || of.value || field.value.trim();
  const text = isOn ? `${shown || "None"} of ${all} operation${all === 1 ? "" : "s"}` : "";
  const matches = byId("matches");
  if (matches.textContent !== text) matches.textContent = text;
}

// --- Showing the state ---

let isFirst = true;
const failures = new Set(); // keys of the failed events that have been announced

function render() {
  const focused = document.activeElement;
  const section = focused?.closest("section");
  const keepInPlace = readingPlace();
  const { summary, stackRows, groups, operations } = state;
  // The choices first, because the filter depends on what is still to be chosen from.
  for (const list of filter.querySelectorAll("[data-list]")) {
    arrange(list, summary);
    list.hidden = !list.children.length;
  }
  const shown = matching(operations);
  const item = { ...summary, stackRows, groups, operations: shown, unfiltered: { operations } };
  item.operationsMore = shown.length === operations.length ? summary.operationsMore : "";
  fill(document.body, item, isFirst);
  showMatches(shown.length, operations.length);
  if (document.title !== summary.title) document.title = summary.title;
  keepInPlace();
  keepFocus(focused, section);
  announceFailures(operations);
  isFirst = false;
}

// What is inserted above moves what is being read. Columns scroll apart, so the one that was used last is kept in
// place.
let touched = null;
for (const kind of ["pointerdown", "pointermove", "focusin", "wheel", "touchstart"]) {
  document.addEventListener(kind, ({ target }) => (touched = target.closest?.("main > *") ?? touched), {
    passive: true,
  });
}

function readingPlace() {
  const column = touched ?? byId("events");
  const top = document.querySelector("header.top").getBoundingClientRect().bottom;
  if (window.scrollY < 5) return () => {};
  const { left, width } = column.getBoundingClientRect();
  let anchor = null;
  for (let y = top + 4; y < window.innerHeight && !anchor; y += 24) {
    anchor = document.elementFromPoint(left + width / 2, y)?.closest("[data-key]");
  }
  if (!anchor) return () => {};
  const oldTop = anchor.getBoundingClientRect().top;
  return () => {
    if (!anchor.isConnected) return;
    const moved = anchor.getBoundingClientRect().top - oldTop;
    if (moved) window.scrollBy({ top: moved, behavior: "instant" });
  };
}

function keepFocus(focused, section) {
  if (!focused || focused === document.body || document.activeElement === focused) return;
  // If the element that had it is gone, its section gets it.
  const heir = focused.isConnected ? focused : section?.querySelector("[tabindex='-1']") ?? null;
  (heir ?? byId("packages-heading")).focus({ preventScroll: true });
}

function announceFailures(operations) {
  const fresh = [];
  for (const operation of operations) {
    for (const event of operation.events) {
      if (!event.failed || failures.has(event.key)) continue;
      failures.add(event.key);
      fresh.push(event);
    }
  }
  if (isFirst || !fresh.length) return;
  const texts = fresh.slice(0, 3).map((event) => event.announcement);
  if (fresh.length > 3) texts.push(`and ${fresh.length - 3} more failed`);
  announce(texts.join("; "));
  if (isAtRest()) nodeOf(fresh[0].key)?.scrollIntoView({ block: "nearest" });
}

const nodeOf = (key) => document.querySelector(`.event[data-key="${CSS.escape(key)}"]`);

// A reader who has scrolled, focused or selected something is not moved.
function isAtRest() {
  const isFree = !document.activeElement || document.activeElement === document.body;
  return isFree && window.scrollY < 5 && !document.hidden && window.getSelection().isCollapsed;
}

// --- The connection ---

let stream = null;
let heardAt = new Date(); // as of when what is shown was true
let aliveAt = Date.now(); // since when there is silence
let again = 0;
let isLost = false;

function connect() {
  clearTimeout(again);
  stream?.close();
  stream = new EventSource("/api/stream");
  aliveAt = Date.now();
  stream.addEventListener("message", ({ data }) => {
    Object.assign(state, JSON.parse(data));
    render();
    heard();
    if (document.hidden) rest();
  });
  stream.addEventListener("beat", heard);
  stream.addEventListener("error", lost);
}

// A browser opens six connections to one server at most, so a page in the background must not keep one. It polls
// now and then, for its title.
function rest() {
  stream?.close();
  stream = null;
  clearTimeout(again);
  again = setTimeout(connect, HIDDEN_MS);
}

function heard() {
  heardAt = new Date();
  aliveAt = Date.now();
  if (isLost) announce("Connected again.");
  isLost = false;
  show();
}

function lost() {
  stream?.close();
  stream = null;
  if (!isLost) announce("Connection lost.");
  isLost = true;
  show();
  clearTimeout(again);
  again = setTimeout(connect, AGAIN_MS);
}

const show = () => showConnection(isLost, state.problem, heardAt);

setInterval(() => {
  if (stream && Date.now() - aliveAt > SILENCE_MS) lost();
}, 2000);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !stream) connect();
  else if (document.hidden && stream) rest();
});

// --- Controls ---

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button?.dataset.more) toggleLength(button);
});
filter.addEventListener("input", render);
filter.addEventListener("submit", (event) => event.preventDefault());

document.documentElement.dataset.script = "on";
connect();
