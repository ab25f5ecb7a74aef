// What a call can fail with.
import { camel } from "./fields.js";
import { native } from "./native.js";

/** What an error knows beside its message. */
export interface BehestErrorInit {
  /** The HTTP status. */
  status?: number;
  /** A stable name to branch on, such as `rate_limited`. */
  code?: string;
  /** The gateway's name for the call, to quote to its operator. */
  traceId?: string;
  /** The body of the answer as it came: parsed JSON, or text. */
  raw?: unknown;
  /** The field that was wrong. */
  param?: string;
  /** Numbers and names that belong to the code. */
  details?: unknown;
  /** After how many seconds another try may succeed. */
  retryAfter?: number;
  /** What caused it. */
  cause?: unknown;
}

/** The names under which copies of this package know each other's errors. */
const brand = (name: string): symbol => Symbol.for(`@behest/client-ts/${name}`);

/**
 * What every failed call rejects with: one of the classes below, or this one for statuses that have none, such as 404
 * and 409.
 *
 * `instanceof` works across copies of the package, and whether it was imported or required.
 *
 * @example
 * ```ts
 * try {
 *   await client.threads.get("no-such-thread", { userId: "ada" });
 * } catch (error) {
 *   if (!(error instanceof BehestError)) throw error;
 *   console.log(error.status, error.code); // 404 not_found
 * }
 * ```
 */
export class BehestError extends Error {
  /** The HTTP status; connection failures and broken streams have 500, errors of the configuration have none. */
  declare readonly status?: number;
  /** A stable name to branch on, such as `rate_limited`. */
  declare readonly code?: string;
  /** The gateway's name for the call, to quote to its operator. */
  declare readonly traceId?: string;
  /** The body of the answer as it came: parsed JSON, or text. */
  declare readonly raw?: unknown;
  /** The field that was wrong, where the answer names one. */
  declare readonly param?: string;
  /** Numbers and names that belong to the code, such as the limit that was reached. */
  declare readonly details?: unknown;
  /** After how many seconds another try may succeed, where the gateway said. */
  declare readonly retryAfter?: number;

  constructor(message: string, init: BehestErrorInit = {}) {
    const { cause, ...fields } = init;
    super(message, cause === undefined ? undefined : { cause });
    // What is not known is left out, so that a printed error shows what there is.
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) Object.defineProperty(this, name, { value, enumerable: true });
    }
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    const own = brands.get(this);
    if (own === undefined) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && own in value;
  }
}

/** 401 and 403: who calls is not known, or may not do this. */
export class BehestAuthError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { status: 401, code: "invalid_token", ...init });
  }
}

/** 402: a quota or a budget is used up. Trying again does not help before it is reset; `details` says when. */
export class BehestQuotaError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { status: 402, code: "quota_exceeded", ...init });
  }
}

/** 429: too many calls in a short time. */
export class BehestRateLimitError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { status: 429, code: "rate_limited", ...init });
  }
}

/** 400 and 422: the call cannot be made as it was given; `param` may name the field. */
export class BehestBadRequestError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { status: 400, code: "validation_error", ...init });
  }
}

/** 451: a guard refused the text; `details` names kinds of what was found, never the text. */
export class BehestBlockedError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { status: 451, code: "content_blocked", ...init });
  }
}

/** 5xx, no connection, no answer in time, and streams that break off. */
export class BehestServerError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { status: 500, code: "server_error", ...init });
  }
}

/** The client cannot be made, or used, as it was configured. Nothing was sent. */
export class BehestConfigError extends BehestError {
  constructor(message: string, init: BehestErrorInit = {}) {
    super(message, { code: "bad_key_format", ...init });
  }
}

const classes = {
  BehestError,
  BehestAuthError,
  BehestQuotaError,
  BehestRateLimitError,
  BehestBadRequestError,
  BehestBlockedError,
  BehestServerError,
  BehestConfigError,
};

const brands = new Map<unknown, symbol>();
for (const [name, kind] of Object.entries(classes)) {
  brands.set(kind, brand(name));
  // Not enumerable, so that printing an error does not list them.
  Object.defineProperty(kind.prototype, "name", { value: name, configurable: true, writable: true });
  Object.defineProperty(kind.prototype, brand(name), { value: true });
}

/** The classes by the name of the kind that the core gives an error. */
const kinds: Record<string, new (message: string, init: BehestErrorInit) => BehestError> = {
  auth: BehestAuthError,
  quota: BehestQuotaError,
  rate_limit: BehestRateLimitError,
  bad_request: BehestBadRequestError,
  blocked: BehestBlockedError,
  server: BehestServerError,
  config: BehestConfigError,
};

/** Makes the error that the native module describes. */
export function errorFrom(json: string): BehestError {
  const { kind, message, trace_id, retry_after, ...rest } = JSON.parse(json) as Record<string, any>;
  const init = { ...rest, traceId: trace_id, retryAfter: retry_after };
  const kindOf = kinds[kind] ?? BehestError;
  // What the native module refuses by itself begins with the option that is wrong, in the native spelling.
  const option = rest.raw == null ? /^`([a-z_]+)`: /.exec(message)?.[1] : undefined;
  if (option === undefined) return new kindOf(message, known(init));
  const param = camel(option);
  return new kindOf(message.replace(option, param), known({ ...init, param }));
}

function known(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null));
}

/** An answer to make an error of. */
export interface HttpErrorInput {
  /** The HTTP status. */
  status: number;
  /** The answer's headers. */
  headers?: Headers | Record<string, string | readonly string[] | undefined>;
  /** The answer's body: text, or parsed JSON. */
  body?: unknown;
}

/**
 * Returns the error that the client would reject with for this answer. For programs that call the gateway with `fetch`.
 *
 * @throws {@link BehestBadRequestError} when the status is none of HTTP's.
 *
 * @example
 * ```ts
 * const answer = new Response('{"error":{"code":"rate_limited","message":"slow down"}}', {
 *   status: 429,
 *   headers: { "Retry-After": "7" },
 * });
 * const error = classifyHttpError({ status: answer.status, headers: answer.headers, body: await answer.text() });
 * console.log(error instanceof BehestRateLimitError && error.retryAfter); // 7
 * ```
 */
export function classifyHttpError({ status, headers = {}, body }: HttpErrorInput): BehestError {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new BehestBadRequestError("`status`: it must be a whole number, 100 to 999", { param: "status" });
  }
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const pairs = entries.flatMap(([name, value]): [string, string][] => {
    return value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : String(value)]];
  });
  const text = typeof body === "string" ? body : body === undefined ? "" : (JSON.stringify(body) ?? "");
  return errorFrom(native().classifyHttpError(status, pairs, text));
}
