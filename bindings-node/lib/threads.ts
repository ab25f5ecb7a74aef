// Conversations that the gateway remembers.
import { type CallOptions, nativeFields } from "./options.js";
import type { Session } from "./session.js";

/** A conversation that the gateway remembers. */
export interface Thread {
  /** The id that your program chose. */
  id: string;
  /** The beginning of the first user message. */
  title: string | null;
  /** When it began, as an ISO 8601 instant. */
  created_at: string;
  /** When its last message came. */
  last_message_at: string;
  /** How many messages it holds. */
  messages_count: number;
  [extra: string]: unknown;
}

/** One message of a thread. */
export interface ThreadMessage {
  /** The message's own id. */
  id: string;
  /** `user`, `assistant`, `tool`, ... */
  role: string;
  /** Text, parts, or `null` when the message only calls tools. */
  content: any;
  /** When it came, as an ISO 8601 instant. */
  created_at: string;
  /** `true` when the answer was cut off before its end. */
  incomplete?: boolean;
  [extra: string]: unknown;
}

/** Which threads to list. */
export interface ThreadListOptions extends CallOptions {
  /** How many at most. */
  limit?: number;
  /** Only threads whose last message is older than this instant. */
  before?: string | Date;
}

/** Conversations of an end user: `client.threads`. Another user's thread is a 404. */
export class ThreadsModule {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Lists the user's threads, the newest first.
   *
   * @example
   * ```ts
   * for (const thread of await client.threads.list({ userId: "ada", limit: 20 })) {
   *   console.log(thread.id, thread.title, thread.messages_count);
   * }
   * ```
   */
  async list(options: ThreadListOptions = {}): Promise<Thread[]> {
    const { limit, before, ...beside } = options;
    return this.#session.call("threads.list", nativeFields({ limit, before }), beside);
  }

  /**
   * Gets one thread.
   *
   * @throws {@link BehestError} 404 when the user has no such thread.
   *
   * @example
   * ```ts
   * const user = { userId: "ada" };
   * const messages = [{ role: "user", content: "Hello" }];
   * await client.chat.completions.create({ messages }, { ...user, threadId: "trip" });
   * console.log((await client.threads.get("trip", user)).title); // Hello
   * ```
   */
  async get(id: string, options?: CallOptions): Promise<Thread> {
    return this.#session.call("threads.get", { id }, options);
  }

  /**
   * Lists what was said in a thread, the oldest first.
   *
   * @throws {@link BehestError} 404 when the user has no such thread.
   *
   * @example
   * ```ts
   * const user = { userId: "ada" };
   * const messages = [{ role: "user", content: "Hello" }];
   * await client.chat.completions.create({ messages }, { ...user, threadId: "talk" });
   * for (const message of await client.threads.messages("talk", user)) console.log(message.role, message.content);
   * ```
   */
  async messages(id: string, options?: CallOptions): Promise<ThreadMessage[]> {
    return this.#session.call("threads.messages", { id }, options);
  }

  /**
   * Deletes a thread and what was said in it.
   *
   * @throws {@link BehestError} 404 when the user has no such thread.
   *
   * @example
   * ```ts
   * const user = { userId: "ada" };
   * const messages = [{ role: "user", content: "Hello" }];
   * await client.chat.completions.create({ messages }, { ...user, threadId: "draft" });
   * await client.threads.delete("draft", user);
   * ```
   */
  async delete(id: string, options?: CallOptions): Promise<void> {
    await this.#session.call("threads.delete", { id }, options);
  }
}
