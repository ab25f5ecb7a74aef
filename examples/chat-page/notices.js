// What the page says about itself: one line for errors, one for what is going on.
import { explain, SignedOut } from "./errors.js";

const error = document.getElementById("error");
const status = document.getElementById("status");

/** Shows what went wrong. The end of the session is for the sign-in form to tell. */
export function showError(thrown) {
  if (thrown instanceof SignedOut) {
    document.dispatchEvent(new Event("signed-out"));
    return;
  }
  tell(explain(thrown));
}

/** Shows a sentence where errors are shown. */
export function tell(text) {
  error.textContent = text;
  error.hidden = false;
}

export function clearError() {
  error.hidden = true;
  error.textContent = "";
}

export function showStatus(text) {
  status.textContent = text;
}
