// What can be said beside a call.
import { type HeadersLike, plainHeaders, seconds } from "./fields.js";

/** What can be said beside every call. Whatever is left out is the client's own. */
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

/** Returns the options as the native module reads them; empty text when there are none. */
export function nativeOptions(options: CallOptions | undefined): string {
  if (options === undefined) return "";
  const { userId, sessionId, threadId, tier, token, tags, asApiKey, timeout, maxRetries, headers } = options;
  return JSON.stringify({
    user_id: userId,
    session_id: sessionId,
    thread_id: threadId,
    tier,
    token,
    tags,
    as_api_key: asApiKey,
    timeout: timeout == null ? undefined : seconds(timeout),
    max_retries: maxRetries,
    headers: headers == null ? undefined : plainHeaders(headers),
  });
}
