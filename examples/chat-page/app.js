// The page: who is signed in, and what is shown to them.
import * as conversation from "./conversation.js";
import { Refusal } from "./errors.js";
import { forgetToken } from "./gateway.js";
import { clearError, showError, tell } from "./notices.js";
import * as threads from "./threads.js";

const element = (id) => document.getElementById(id);
const [signIn, chat, form, menu] = ["sign-in", "chat", "sign-in-form", "show-threads"].map(element);

/** Calls the app itself, with its own cookie. */
async function api(method, path, body) {
  const headers = body && { "Content-Type": "application/json" };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw await Refusal.from(response);
  return response;
}

/** Whether the app does not know who is there. */
function isUnknown(error) {
  return error instanceof Refusal && error.status === 401;
}

function showChat(user) {
  signIn.hidden = true;
  chat.hidden = false;
  clearError();
  form.reset();
  element("who").textContent = user;
  conversation.startNew();
  threads.load();
}

function showSignIn() {
  // Nothing of one person stays on the page for the next.
  conversation.leave();
  threads.clear();
  forgetToken();
  element("text").value = "";
  chat.hidden = true;
  signIn.hidden = false;
  element("user").focus();
}

function showMenu(open) {
  menu.setAttribute("aria-expanded", open);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearError();
  try {
    const answer = await api("POST", "/api/login", Object.fromEntries(new FormData(form)));
    showChat((await answer.json()).user);
  } catch (error) {
    if (isUnknown(error)) tell("The user name or the password is wrong.");
    else showError(error);
  }
});
element("sign-out").addEventListener("click", async () => {
  try {
    await api("POST", "/api/logout");
    showSignIn();
  } catch (error) {
    showError(error);
  }
});
element("new-thread").addEventListener("click", () => {
  showMenu(false);
  conversation.startNew();
});
menu.addEventListener("click", () => showMenu(menu.getAttribute("aria-expanded") !== "true"));
document.addEventListener("signed-out", () => {
  showSignIn();
  tell("Your session has ended. Please sign in again.");
});
threads.onThreads({
  open(id) {
    showMenu(false);
    conversation.open(id);
  },
  remove(id) {
    if (id === conversation.currentThread()) conversation.startNew();
    else element("new-thread").focus();
  },
});

try {
  showChat((await (await api("GET", "/api/me")).json()).user);
} catch (error) {
  showSignIn();
  if (!isUnknown(error)) showError(error);
}
