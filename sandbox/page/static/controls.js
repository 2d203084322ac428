// What every page has: announcements, buttons that copy, and whether what is shown is live.

import { byId, localTime } from "./items.js";

const COPIED_MS = 4000;

export function announce(text) {
  const message = document.createElement("p");
  message.textContent = text;
  byId("announcer").replaceChildren(message);
}

export function showConnection(isLost, problem, heardAt) {
  const connection = byId("connection");
  if (!connection) return;
  const state = isLost ? "offline" : problem ? "no answer" : "live";
  if (connection.textContent !== state) connection.textContent = state;
  connection.dataset.tone = isLost || problem ? "bad" : "ok";
  const since = localTime(heardAt, true);
  const text = isLost
    ? `Connection lost: what you see is as of ${since}. Trying again by itself; is the sandbox still running?`
    : problem
      ? `The sandbox did not answer (${problem}): what you see may be old. Trying again by itself.`
      : "";
  showBanner(text);
}

export function showBanner(text) {
  const banner = byId("banner");
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !text;
}

// --- Copying ---

let hiding = 0;

// What was copied, or that nothing was: announced, and visible.
function say(text) {
  announce(text);
  const copied = byId("copied");
  copied.textContent = text;
  copied.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (copied.hidden = true), COPIED_MS);
}

async function copy(button) {
  const label = button.querySelector("span");
  const what = (button.getAttribute("aria-label") ?? label.dataset.text ?? label.textContent).replace(/^Copy /, "");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    window.getSelection().selectAllChildren(button.parentElement.querySelector("code, pre"));
    say("The browser does not let this page copy. The text is selected.");
    return;
  }
  const text = (label.dataset.text ??= label.textContent);
  label.textContent = "Copied";
  button.dataset.busy = "yes";
  say(`Copied ${what}.`);
  setTimeout(() => {
    label.textContent = text;
    delete button.dataset.busy;
  }, COPIED_MS);
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-copy]");
  if (button) copy(button);
});
