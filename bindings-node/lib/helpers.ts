// What needs no client.
import { randomUUID } from "node:crypto";

import { native } from "./native.js";

/** What a token says. Absent claims were not in it. */
export interface BehestClaims {
  /** The tenant. */
  tid?: string;
  /** The project. */
  pid?: string;
  /** The end user. */
  uid?: string;
  /** What the token may do. */
  role?: string;
  /** Always empty. */
  scp?: string[];
  /** The end user's tier. */
  tier?: number | string;
  /** The session. */
  sid?: string;
  /** The issuer. */
  iss?: string;
  /** The audience. */
  aud?: string | string[];
  /** When it was issued, in Unix seconds. */
  iat?: number;
  /** From when on it counts, in Unix seconds. */
  nbf?: number;
  /** When it ends, in Unix seconds. */
  exp?: number;
  /** Its own id. */
  jti?: string;
  /** Labels for the cost reports. */
  tags?: Record<string, string>;
  [claim: string]: unknown;
}

/**
 * Returns a new session id: a random UUID.
 *
 * @example
 * ```ts
 * const sessionId = generateSessionId();
 * await client.chat.completions.create({ messages: [{ role: "user", content: "Hello" }] }, { userId: "ada", sessionId });
 * ```
 */
export function generateSessionId(): string {
  return randomUUID();
}

/**
 * Returns what a token says. Nothing is verified: do not decide by it who somebody is.
 *
 * @throws Error when the text has not the form of a token.
 *
 * @example
 * ```ts
 * const { token } = await client.auth.mint({ user_id: "ada" });
 * const { uid, exp } = decodeToken(token);
 * console.log(uid, new Date((exp ?? 0) * 1000));
 * ```
 */
export function decodeToken(token: string): BehestClaims {
  return JSON.parse(native().decodeToken(token)) as BehestClaims;
}

/**
 * Returns the version of this package.
 *
 * @example
 * ```ts
 * console.log(version()); // 0.1.0
 * ```
 */
export function version(): string {
  return native().version();
}
