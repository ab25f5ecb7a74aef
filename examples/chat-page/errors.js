// What can go wrong, and how to tell it to the person at the page.

/** An answer that is no success. The app and the gateway describe it in the same form. */
export class Refusal extends Error {
  constructor(status, { message, details } = {}, headers = new Headers()) {
    super(message ?? `The answer was HTTP ${status}.`);
    this.status = status;
    this.resetsAt = details?.resets_at;
    this.retryAfter = headers.get("Retry-After");
    /** The gateway's log has it: whoever gets a complaint can look there. */
    this.traceId = headers.get("X-Trace-Id");
  }

  static async from(response) {
    const body = await response.json().catch(() => ({}));
    return new Refusal(response.status, body.error, response.headers);
  }
}

/** The statuses of refusals that can also come in the middle of an answer, when its own has gone out as 200. */
const STATUSES = {
  quota_exceeded: 402,
  budget_exceeded: 402,
  killed: 403,
  rate_limited: 429,
  pii_blocked: 451,
  content_blocked: 451,
};

/** What an answer's error event stands for: a limit or a rule that ended it, else an accident. */
export function interruption(error, headers) {
  const status = STATUSES[error.code];
  return status ? new Refusal(status, error, headers) : new BrokenOff(error.message);
}

/** The session at the app is over. */
export class SignedOut extends Error {}

/** An answer that ended before its end mark. */
export class BrokenOff extends Error {}

const SENTENCES = {
  401: () => "The gateway does not accept this page's token. Sign out and in again.",
  402: ({ resetsAt }) =>
    `Your allowance is used up${resetsAt ? ` until ${new Date(resetsAt).toLocaleString()}` : ""}.`,
  403: ({ message }) => `This is not allowed here: ${message}.`,
  404: () => "This conversation is not there any more. It may have been deleted in another window.",
  413: () => "This message is too long.",
  429: ({ retryAfter }) =>
    `That was too much at once. Try again ${retryAfter ? `in ${retryAfter} seconds` : "in a moment"}.`,
  451: ({ message }) => `The message was held back by a content rule: ${message}.`,
};

/** Says in a sentence or two what happened and what to do. */
export function explain(error) {
  if (error instanceof BrokenOff) return "The answer broke off before its end. You can ask again.";
  // A page is not told why it could see nothing: the network, a gateway that is down, or an origin that is not allowed.
  if (!(error instanceof Refusal)) return "No answer came. Are you online, and is the gateway running?";
  const server = ({ message }) => `Something went wrong behind the page: ${message}. Try again in a moment.`;
  const other = ({ message }) => `This did not work: ${message}.`;
  const sentence = (SENTENCES[error.status] ?? (error.status >= 500 ? server : other))(error).replace(/\.\.$/, ".");
  return error.traceId ? `${sentence} (Reference: ${error.traceId})` : sentence;
}
