// Tokens for end users.
import { run } from "./engine.js";
import { nativeFields } from "./options.js";
import type { Session } from "./session.js";

/** Whom a token is for. */
export interface MintOptions {
  /** The end user; the client's default user when absent. Take it from a verified login, never from the request's body. */
  user_id?: string;
  /** The session that the token's calls belong to; a new one when absent. */
  session_id?: string;
  /** The end user's tier: 1, 2, 3, or a name. */
  tier?: number | string;
  /** How long it lives, in seconds, 60 to 86,400; the client's `ttl` when absent. */
  ttl?: number;
  /** What it may do; `user` when absent, and never more than the key itself. */
  role?: "user" | "regular" | "admin" | "dashboard-service";
  /** Labels for the cost reports. */
  tags?: Readonly<Record<string, string>>;
  /** The same as `user_id`. */
  userId?: string;
  /** The same as `session_id`. */
  sessionId?: string;
  /** Ends the wait, which rejects with the signal's reason. */
  signal?: AbortSignal | null;
}

/** A token for an end user. */
export interface MintResult {
  /** The JWT. */
  token: string;
  /** The session that its calls belong to. */
  sessionId: string;
  /** How long it lives, in seconds. */
  ttl: number;
  /** When it ends, as an ISO 8601 instant. */
  expiresAt: string;
}

/** Tokens for end users: `client.auth`. */
export class AuthModule {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Gets a token for an end user, to hand to a browser. Each call gets a new one; calls of the client itself reuse
   * theirs. In sign mode it is signed here, without a request.
   *
   * @throws {@link BehestAuthError} when the key is refused, {@link BehestBadRequestError} for a user id or a lifetime
   * that is none, {@link BehestConfigError} in sign mode inside a browser.
   *
   * @example
   * ```ts
   * const { token, sessionId, expiresAt } = await client.auth.mint({ user_id: "ada", ttl: 900 });
   * console.log(decodeToken(token).uid, sessionId, expiresAt);
   * ```
   */
  async mint(options: MintOptions = {}): Promise<MintResult> {
    this.#session.refuseBrowser();
    const { signal, ...said } = options;
    const text = JSON.stringify(nativeFields(said));
    const delivery = await run((number) => this.#session.native.mint(number, text), signal);
    const { token, session_id, ttl, expires_at } = JSON.parse(delivery[2] ?? "{}");
    return { token, sessionId: session_id, ttl, expiresAt: expires_at };
  }
}
