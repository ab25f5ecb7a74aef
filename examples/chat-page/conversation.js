// The open conversation: its messages, the box to write in, and the answer as it comes.
import { ask, call } from "./gateway.js";
import { clearError, showError, showStatus } from "./notices.js";
import { mark, putOnTop, takeAway } from "./threads.js";

const pane = document.getElementById("messages");
const list = document.getElementById("message-list");
const composer = document.getElementById("composer");
const box = document.getElementById("text");
const sendButton = document.getElementById("send");
const stopButton = document.getElementById("stop");

const STOPPED = "This answer was stopped before its end.";

let threadId;
/** What the open conversation waits for; undefined while it waits for nothing. */
let running;

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!running && box.value.trim()) send(box.value);
});
box.addEventListener("keydown", (event) => {
  // While an input method is composing, Enter chooses a word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});
document.addEventListener("keydown", (event) => event.key === "Escape" && stop());
stopButton.addEventListener("click", stop);

/** Shows an empty conversation, which begins at the gateway with its first answer. */
export function startNew() {
  leave();
  // Not `randomUUID`, which pages without TLS do not have.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  threadId = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  mark(threadId);
  box.focus();
}

/** Shows a conversation that the gateway keeps. */
export async function open(id) {
  leave();
  threadId = id;
  mark(id);
  await run("Loading …", async (signal) => {
    const answer = await call(`/v1/threads/${encodeURIComponent(id)}/messages`, { signal });
    const messages = await answer.json();
    signal.throwIfAborted();
    for (const { role, content, incomplete } of messages) {
      if (role !== "user" && role !== "assistant") continue;
      const message = addMessage(role, textOf(content));
      if (incomplete) note(message, STOPPED);
    }
    pane.scrollTop = pane.scrollHeight;
  });
  box.focus();
}

/** Tells which conversation is open. */
export function currentThread() {
  return threadId;
}

/** Takes everything off the page, and stops the answer that is coming. */
export function leave() {
  stop();
  running = undefined;
  threadId = undefined;
  showRunning();
  clearError();
  showStatus("");
  list.replaceChildren();
}

/** Ends the answer that is coming: its connection closes, and the gateway cancels the model. */
function stop() {
  running?.abort();
}

async function send(content) {
  const id = threadId;
  const question = addMessage("user", content);
  const answer = addMessage("assistant", "");
  // It is read out once it is whole, not word by word.
  answer.setAttribute("aria-live", "polite");
  answer.setAttribute("aria-busy", "true");
  box.value = "";
  pane.scrollTop = pane.scrollHeight;

  const text = answer.querySelector("p").firstChild;
  let isNew = false;
  const outcome = await run("The answer is coming …", async (signal) => {
    for await (const piece of ask(id, content, signal)) {
      // What had come before a stop is not shown after it: the page may be another person's by now.
      signal.throwIfAborted();
      if (text.length === 0) {
        isNew = putOnTop(id, content);
        mark(id);
      }
      const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40;
      text.appendData(piece);
      // Whoever has scrolled up to read stays there.
      if (atEnd) pane.scrollTop = pane.scrollHeight;
    }
  });
  answer.removeAttribute("aria-busy");
  if (outcome === "done") return;
  if (outcome === "stopped" && text.length > 0) {
    note(answer, STOPPED);
    return;
  }
  // The gateway keeps nothing of a call that failed or had not begun to answer: the message goes back for another try.
  if (text.length > 0) {
    note(answer, "This answer broke off and is not kept.");
    if (isNew) takeAway(id);
  } else {
    question.remove();
    answer.remove();
  }
  if (id === threadId) box.value ||= content;
}

/** Does something that can be stopped. Tells whether it was "done", "stopped" or has "failed". */
async function run(status, work) {
  const mine = new AbortController();
  running = mine;
  showRunning();
  clearError();
  showStatus(status);
  let outcome = "done";
  try {
    await work(mine.signal);
  } catch (error) {
    outcome = mine.signal.aborted ? "stopped" : "failed";
    if (outcome === "failed") showError(error);
  }
  // Unless another conversation has been opened meanwhile.
  if (running === mine) {
    showStatus(outcome === "stopped" ? "Stopped." : "");
    running = undefined;
    showRunning();
  }
  return outcome;
}

function showRunning() {
  const hadFocus = document.activeElement === stopButton;
  sendButton.hidden = Boolean(running);
  stopButton.hidden = !running;
  // A hidden button would lose the keyboard's place.
  if (hadFocus && !running) box.focus();
}

function addMessage(role, text) {
  const message = document.createElement("li");
  message.className = role;
  const who = document.createElement("span");
  who.className = "hidden-label";
  who.textContent = role === "user" ? "You:" : "Answer:";
  const paragraph = document.createElement("p");
  // Always as text: what people and models write never becomes markup.
  paragraph.append(document.createTextNode(text));
  message.append(who, paragraph);
  list.append(message);
  return message;
}

function note(message, text) {
  const small = document.createElement("small");
  small.textContent = text;
  message.append(small);
}

/** A message's content is text, or parts of which some are text. */
function textOf(content) {
  return Array.isArray(content) ? content.map((part) => part.text ?? "").join("") : (content ?? "");
}
