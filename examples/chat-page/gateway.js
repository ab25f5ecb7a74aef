// Calls to the gateway, straight from the page, with a token of the person who is signed in.
import { BrokenOff, interruption, Refusal, SignedOut } from "./errors.js";
import { readEvents } from "./sse.js";

/** A token this near to its end is not used any more, so that it does not end on the way. */
const SPARE_MS = 60_000;

/** The latest token and until when it is used. `reply` is a promise, so that calls that start together share one. */
let access = { until: 0 };

async function fetchAccess() {
  const response = await fetch("/api/behest/token", { method: "POST" });
  if (response.status === 401) throw new SignedOut();
  if (!response.ok) throw await Refusal.from(response);
  return response.json();
}

function currentAccess() {
  if (Date.now() >= access.until) {
    const fresh = { reply: fetchAccess(), until: Infinity };
    fresh.reply.then(
      // By its lifetime and this clock alone: `expiresAt` would ask for a clock that is right.
      ({ ttl }) => (fresh.until = Date.now() + ttl * 1000 - SPARE_MS),
      () => (fresh.until = 0),
    );
    access = fresh;
  }
  return access;
}

/** Forgets the token, as the next person at this page must not have it. */
export function forgetToken() {
  access = { until: 0 };
}

/** Calls the gateway; a token that it refuses is replaced once. */
export async function call(path, { headers, ...options } = {}) {
  for (let first = true; ; first = false) {
    const used = currentAccess();
    const { token, baseUrl } = await used.reply;
    const response = await fetch(baseUrl + path, {
      ...options,
      headers: { ...headers, Authorization: `Bearer ${token}` },
    });
    if (response.ok) return response;
    if (response.status !== 401 || !first) throw await Refusal.from(response);
    if (access === used) forgetToken();
  }
}

/** Asks in a conversation, and yields the answer's text as it comes. The gateway keeps the earlier messages. */
export async function* ask(threadId, content, signal) {
  const response = await call("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Thread-Id": threadId },
    body: JSON.stringify({ stream: true, messages: [{ role: "user", content }] }),
    signal,
  });
  let cause;
  try {
    for await (const data of readEvents(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      // The status went out as 200 long ago, so trouble in the middle comes as an event of its own.
      if (chunk.error) throw interruption(chunk.error, response.headers);
      const text = chunk.choices?.[0]?.delta?.content;
      if (text) yield text;
    }
  } catch (error) {
    if (signal.aborted || error instanceof Refusal) throw error;
    cause = error;
  }
  throw new BrokenOff("the answer ended before its end mark", { cause });
}
