// Keeps the page of one thing up to date: it is rendered again by the server, and what differs is taken over.
//
// The browser parses the new page as a document, in which nothing runs and nothing is loaded. Elements stay the
// same elements where their place or their key is the same: what is open stays open, what has the focus keeps it.

import { announce, showBanner, showConnection } from "./controls.js";
import { byId, localTime, mark } from "./items.js";

// From one answer to the next request; longer where the answer takes long.
const AGAIN_MS = 2000;
const REST_FACTOR = 4;
const TIMEOUT_MS = 15_000;
// Of attributes, those that the reader or the script has changed.
const KEPT = new Set(["open", "data-busy", "data-script"]);

let tag = "";
let again = 0;
let isLoading = false;
let isLost = false;
let heardAt = new Date();

function load() {
  clearTimeout(again);
  if (document.hidden || isLoading) return;
  isLoading = true;
  const started = performance.now();
  const request = new XMLHttpRequest();
  request.open("GET", window.location.pathname + window.location.search);
  request.responseType = "document";
  request.timeout = TIMEOUT_MS;
  if (tag) request.setRequestHeader("If-None-Match", tag);
  request.addEventListener("load", () => {
    if (request.status === 200) adopt(request.responseXML), (tag = request.getResponseHeader("ETag"));
    heard(request.status);
  });
  request.addEventListener("error", lost);
  request.addEventListener("timeout", lost);
  request.addEventListener("loadend", () => {
    isLoading = false;
    again = setTimeout(load, Math.max(AGAIN_MS, REST_FACTOR * (performance.now() - started)));
  });
  request.send();
}

function heard(status) {
  if (isLost) announce("Connected again.");
  isLost = false;
  const isThere = status === 200 || status === 304;
  if (isThere) heardAt = new Date();
  const since = `what you see is as of ${localTime(heardAt, true)}.`;
  showConnection(false, isThere || status === 404 ? "" : `status ${status}`, heardAt);
  if (status === 404) showBanner(`This is not there any more: ${since}`);
  if (status === 403) showBanner(`The token of this page does not hold any more, as after another start: ${since}`);
}

function lost() {
  if (!isLost) announce("Connection lost.");
  isLost = true;
  showConnection(true, "", heardAt);
}

// --- Taking over ---

function adopt(fresh) {
  localize(fresh);
  const [from, to] = [document, fresh].map((each) => each.getElementById("content"));
  const focused = document.activeElement;
  const status = statusOf(from);
  morph(from, to);
  if (document.title !== fresh.title) document.title = fresh.title;
  if (focused && !focused.isConnected) from.focus({ preventScroll: true });
  if (statusOf(from) !== status) announce(`${from.querySelector("h1").textContent}: ${statusOf(from)}`);
}

const statusOf = (page) => page.querySelector(".status")?.textContent.trim() ?? "";

function localize(root) {
  for (const time of root.querySelectorAll("main time[datetime]")) {
    const text = localTime(new Date(time.dateTime), false);
    if (time.textContent !== text) time.textContent = text;
  }
}

function morph(old, fresh) {
  if (old.isEqualNode(fresh) || old.dataset?.busy) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    if (old.parentElement) mark(old.parentElement);
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !KEPT.has(name)) old.setAttribute(name, value);
  }
  const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
  const wanted = new Set([...fresh.children].map(keyOf).filter(Boolean));
  for (const [key, child] of keyed) if (!wanted.has(key)) child.remove();
  let next = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const match = keyOf(child) ? keyed.get(keyOf(child)) : isAlike(next, child) ? next : null;
    if (!match) old.insertBefore(document.importNode(child, true), next);
    else {
      if (match === next) next = next.nextSibling;
      else old.insertBefore(match, next); // only what is out of order: moving takes the focus away
      morph(match, child);
    }
  }
  while (next) {
    const rest = next.nextSibling;
    next.remove();
    next = rest;
  }
}

const keyOf = (node) => node.dataset?.key ?? "";

const isAlike = (one, other) => one && !keyOf(one) && one.nodeName === other.nodeName;

document.addEventListener("visibilitychange", load);
document.documentElement.dataset.script = "on";
localize(document);
if (byId("connection")) load();
