// What can be said beside a call.
import { BehestBadRequestError } from "./errors.js";
import { type HeadersLike, camel, lost, plainHeaders, seconds, snake } from "./fields.js";

/**
 * What can be said beside every call. Whatever is left out is the client's own. The native spelling (`user_id`) is taken
 * as well; a name that is none is refused.
 */
export interface CallOptions {
  /** The end user that the call is for. */
  userId?: string;
  /** The session that its cost goes to. Of a call that names none, the token's. */
  sessionId?: string;
  /** The conversation that the gateway remembers it in; made by its first message. */
  threadId?: string;
  /** The end user's tier: 1, 2, 3, or a name. */
  tier?: number | string;
  /** A token to call with, instead of one that the client gets by itself. */
  token?: string;
  /** Labels for the cost reports. */
  tags?: Readonly<Record<string, string>>;
  /** Calls with the API key itself: for the whole project's usage, say. */
  asApiKey?: boolean;
  /** How long the call may take, in milliseconds, retries included; for a stream, until it begins. */
  timeout?: number;
  /** How often it is tried again when it fails. */
  maxRetries?: number;
  /** Headers of this call. */
  headers?: HeadersLike;
  /** Cancels the call, at the gateway too. It rejects with the signal's reason. */
  signal?: AbortSignal | null;
}

const NAMES = [
  "userId",
  "sessionId",
  "threadId",
  "tier",
  "token",
  "tags",
  "asApiKey",
  "timeout",
  "maxRetries",
  "headers",
  "signal",
] as const satisfies readonly (keyof CallOptions)[];

/** The names without what spellings differ by. */
const KNOWN: ReadonlyMap<string, keyof CallOptions> = new Map(NAMES.map((name) => [bare(name), name]));

function bare(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** Returns the option that a name is a spelling of. One that is only nearly right is refused: a call must not lose its user. */
function optionNamed(name: string): keyof CallOptions | undefined {
  const known = KNOWN.get(bare(name));
  if (known === undefined || name === known || name === snake(known)) return known;
  throw refused(name, `there is no option \`${name}\`: did you mean \`${known}\`?`);
}

function refused(param: string, message: string): BehestBadRequestError {
  return new BehestBadRequestError(message, { param });
}

/** Returns the error of an option that stands among the parameters. */
export function misplaced(name: keyof CallOptions): BehestBadRequestError {
  return refused(name, `\`${name}\` is no parameter: say it in the second argument`);
}

function put(fields: Record<string, unknown>, name: string, value: unknown): void {
  // What is undefined says nothing.
  if (value == null) return;
  if (Object.hasOwn(fields, name) && fields[name] !== value) {
    throw refused(camel(name), `\`${camel(name)}\` is said twice, in two spellings`);
  }
  fields[name] = value;
}

/** Refuses values that would get lost. */
function check(name: string, value: unknown): void {
  const wrong = lost(value);
  if (wrong !== undefined) throw refused(name, `\`${name}\`: ${wrong}`);
}

/** Returns fields of either spelling in the native one. */
export function nativeFields(from: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(from)) {
    check(name, value);
    put(fields, snake(name), value);
  }
  return fields;
}

/** Returns the options by their names, of either spelling, and the names that are none of theirs. */
export function takeOptions(from: object): { options: CallOptions; rest: Record<string, unknown> } {
  const options: Record<string, unknown> = {};
  const rest: [string, unknown][] = [];
  for (const [name, value] of Object.entries(from)) {
    check(name, value);
    const known = optionNamed(name);
    if (known === undefined) rest.push([name, value]);
    else put(options, known, value);
  }
  return { options, rest: Object.fromEntries(rest) };
}

/** Returns the options by their names, of either spelling. What is no option is refused. */
export function readOptions(from: CallOptions | null | undefined): CallOptions {
  const { options, rest } = takeOptions(from ?? {});
  for (const name of Object.keys(rest)) throw refused(name, `there is no option \`${name}\``);
  return options;
}

/** Returns what {@link readOptions} gave as the native module reads it; empty text when it is nothing. */
export function nativeOptions({ signal: _, ...options }: CallOptions): string {
  const fields = Object.entries(options).map(([name, value]) => [snake(name), value]);
  if (fields.length === 0) return "";
  return JSON.stringify({
    ...Object.fromEntries(fields),
    ...(options.timeout == null ? {} : { timeout: seconds(options.timeout) }),
    ...(options.headers == null ? {} : { headers: plainHeaders(options.headers) }),
  });
}
