// The list of conversations.
import { Refusal } from "./errors.js";
import { call } from "./gateway.js";
import { clearError, showError } from "./notices.js";

const PAGE = 30;
const list = document.getElementById("thread-list");
const none = document.getElementById("no-threads");
const older = document.getElementById("older-threads");

let opened = () => {};
let deleted = () => {};
/** Ends what is still on its way for the person before. */
let loading = new AbortController();

/** Says what happens when somebody opens or has deleted a conversation. */
export function onThreads({ open, remove }) {
  [opened, deleted] = [open, remove];
  older.addEventListener("click", () => load(older.value));
}

/** Loads the newest conversations, or those before an instant. */
export async function load(before = "") {
  const { signal } = loading;
  try {
    const query = new URLSearchParams({ limit: PAGE, ...(before && { before }) });
    const threads = await (await call(`/v1/threads?${query}`, { signal })).json();
    if (signal.aborted) return;
    list.append(...threads.filter(({ id }) => !find(id)).map(row));
    older.hidden = threads.length < PAGE;
    older.value = threads.at(-1)?.last_message_at ?? "";
    none.hidden = list.childElementCount > 0;
  } catch (error) {
    if (!signal.aborted) showError(error);
  }
}

/** Puts a conversation on top, and tells whether it is new. The gateway lists it when its first answer has ended. */
export function putOnTop(id, title) {
  const known = find(id);
  list.prepend(known ?? row({ id, title }));
  none.hidden = true;
  return !known;
}

/** Takes a conversation off the list. */
export function takeAway(id) {
  find(id)?.remove();
  none.hidden = list.childElementCount > 0;
}

/** Marks the conversation that is open. */
export function mark(id) {
  for (const item of list.children) {
    const current = item.dataset.id === id;
    item.querySelector(".open").setAttribute("aria-current", current);
  }
}

/** Empties the list for the next person. */
export function clear() {
  loading.abort();
  loading = new AbortController();
  list.replaceChildren();
  older.hidden = true;
  none.hidden = false;
}

function find(id) {
  return [...list.children].find((item) => item.dataset.id === id);
}

function row({ id, title }) {
  const item = document.createElement("li");
  item.dataset.id = id;
  const name = title || "Untitled";
  const open = button("open", name, () => opened(id));
  open.title = name;
  const remove = button("delete", "×", () => removeThread(id, name));
  remove.setAttribute("aria-label", `Delete conversation: ${name}`);
  item.append(open, remove);
  return item;
}

function button(className, text, click) {
  const made = document.createElement("button");
  made.className = className;
  made.textContent = text;
  made.addEventListener("click", click);
  return made;
}

async function removeThread(id, name) {
  if (!confirm(`Delete the conversation “${name}”?`)) return;
  const { signal } = loading;
  clearError();
  try {
    await call(`/v1/threads/${encodeURIComponent(id)}`, { method: "DELETE", signal }).catch((error) => {
      // Deleted in another window: what was asked for is so.
      if (!(error instanceof Refusal && error.status === 404)) throw error;
    });
    takeAway(id);
    deleted(id);
  } catch (error) {
    if (!signal.aborted) showError(error);
  }
}
