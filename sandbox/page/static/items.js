// Shows items of the page's state.
//
// What is shown of an item, and how, is in the server's markup: `data-bind` names members of the item,
// `data-list` a member that is a list of items, `data-template` the markup of one of those. Nothing here makes
// markup of a text, and elements stay the same elements as long as their item's key does: what is open stays
// open, what has the focus keeps it.

const AT_ONCE = 200; // rows added to a long list before the browser may do something else

export const byId = (id) => document.getElementById(id);

// --- Filling ---

const bindings = new WeakMap(); // element → what is bound in it, without what belongs to items of its lists
const filledWith = new WeakMap(); // element → the item it shows
const openedOnce = new WeakSet();

function bindingsOf(root) {
  let bound = bindings.get(root);
  if (bound) return bound;
  bound = { members: [], lists: [] };
  const visit = (element) => {
    for (const pair of (element.dataset.bind ?? "").split(" ").filter(Boolean)) {
      const [kind, name] = pair.split(":");
      bound.members.push({ element, kind, name });
    }
    if (element.dataset.list) bound.lists.push(element);
    else for (const child of element.children) visit(child);
  };
  visit(root);
  bindings.set(root, bound);
  return bound;
}

const setters = {
  text(element, value = "", isNew) {
    if (element.textContent === value) return;
    element.textContent = value;
    if (!isNew) mark(element);
  },
  tone(element, value = "") {
    if (element.dataset.tone !== value) element.dataset.tone = value;
  },
  shown(element, value) {
    element.hidden = !value || value.length === 0;
  },
  label(element, value = "") {
    element.setAttribute("aria-label", value);
  },
  copy(element, value = "") {
    element.dataset.copy = value;
  },
  href(element, value = "") {
    element.setAttribute("href", value);
  },
  value(element, value = "") {
    element.value = value;
  },
  time(element, value = "") {
    if (element.dateTime === value && element.dataset.local) return;
    element.dateTime = element.title = value;
    element.textContent = value && localTime(new Date(value), element.classList.contains("clock"));
    element.dataset.local = "yes";
  },
  open(element, value) {
    if (!value || openedOnce.has(element)) return;
    openedOnce.add(element); // once only, so that it can be closed
    element.open = true;
  },
};

export function fill(root, item, isNew) {
  if (root !== document.body && same(filledWith.get(root), item)) return;
  filledWith.set(root, item);
  const { members, lists } = bindingsOf(root);
  for (const { element, kind, name } of members) setters[kind](element, item[name], isNew);
  for (const list of lists) arrange(list, item);
}

function same(one, other) {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => same(one[name], other[name]));
}

export function mark(element) {
  if (!element.classList.contains("badge") || element.classList.contains("changed")) return;
  element.classList.add("changed");
  element.addEventListener("animationend", () => element.classList.remove("changed"), { once: true });
}

const DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
// Swedish writes dates as ISO 8601 does, which every reader understands.
const day = new Intl.DateTimeFormat("sv-SE", DAY);
const clock = new Intl.DateTimeFormat("sv-SE", CLOCK);

export function localTime(moment, isClock) {
  const today = day.format(moment) === day.format(new Date());
  return isClock && today ? clock.format(moment) : `${day.format(moment)} ${clock.format(moment)}`;
}

// --- Lists ---

const nodesOf = new WeakMap(); // list → Map of key → element, those that a filter hides included
const itemsOf = new WeakMap(); // list → the item whose list it is
const shownOf = new WeakMap(); // list → how many of its items are shown, if more than its limit
const growing = new WeakMap(); // list → what adds to it, frame by frame

export function arrange(list, item) {
  const { list: member, limit } = list.dataset;
  const all = item[member] ?? [];
  const most = shownOf.get(list) ?? Number(limit || Infinity);
  itemsOf.set(list, item);
  if (!nodesOf.has(list)) {
    nodesOf.set(list, new Map([...list.children].map((node) => [node.dataset.key, node])));
  }
  const nodes = nodesOf.get(list);
  const known = new Set((item.unfiltered?.[member] ?? all).map((each) => each.key));
  for (const key of nodes.keys()) if (!known.has(key)) nodes.get(key).remove(), nodes.delete(key);

  const shown = all.length > most ? all.slice(0, most) : all;
  const keys = new Set(shown.map((each) => each.key));
  for (const node of [...list.children]) if (!keys.has(node.dataset.key)) node.remove();

  let next = list.firstElementChild;
  for (const each of shown) {
    const node = nodeFor(list, each);
    if (node === next) next = next.nextElementSibling;
    else list.insertBefore(node, next); // only what is new or out of order: moving takes the focus away
  }
  if (limit) offerMore(list, item);
}

function nodeFor(list, item) {
  const nodes = nodesOf.get(list);
  let node = nodes.get(item.key);
  const isNew = !node;
  if (isNew) {
    node = byId(`${list.dataset.template}-template`).content.firstElementChild.cloneNode(true);
    node.dataset.key = item.key;
    nodes.set(item.key, node);
  }
  fill(node, item, isNew);
  return node;
}

function offerMore(list, item) {
  const { list: member, limit } = list.dataset;
  const count = item[member].length;
  const button = list.closest("[data-long]").querySelector(`:scope > [data-more="${member}"]`);
  button.hidden = count <= limit;
  const text = shownOf.has(list) ? item[`${member}Less`] : item[`${member}More`] || `Show all ${count}`;
  if (button.textContent !== text) button.textContent = text;
}

export function toggleLength(button) {
  const list = button.closest("[data-long]").querySelector(`[data-list="${button.dataset.more}"]`);
  if (shownOf.has(list)) {
    shownOf.delete(list);
    growing.delete(list);
    arrange(list, itemsOf.get(list));
    button.scrollIntoView({ block: "nearest" });
    return;
  }
  // In portions, so that the browser still scrolls and takes input. What changes meanwhile is arranged
  // as ever, with as many rows as there are.
  const grow = () => {
    if (growing.get(list) !== grow) return;
    const item = itemsOf.get(list);
    const all = item[list.dataset.list];
    const had = list.children.length;
    const most = had + AT_ONCE;
    list.append(...all.slice(had, most).map((each) => nodeFor(list, each)));
    shownOf.set(list, most < all.length ? most : Infinity);
    offerMore(list, item);
    if (most < all.length) requestAnimationFrame(grow);
  };
  growing.set(list, grow);
  grow();
}
