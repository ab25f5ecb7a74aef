// Chat completions.
import type {
  ChatCompletion,
  ChatCreateParams,
  ChatCreateParamsNonStreaming,
  ChatCreateParamsStreaming,
} from "./chat-types.js";
import { type CallOptions, nativeOptions } from "./options.js";
import type { Session } from "./session.js";
import { ChatCompletionStream } from "./stream.js";

/** Chat completions: `client.chat.completions`. */
export class CompletionsResource {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Asks a model. With `stream: true` the answer comes in pieces, while the model writes it.
   *
   * Who the call is for, its session, thread and signal can stand in the parameters (`user_id`, `session_id`, ...) or
   * in a second argument (`userId`, `sessionId`, ...), which wins.
   *
   * Failures are tried again, as often as `maxRetries` says, until the first piece has come; never after it.
   *
   * @throws {@link BehestError} and its classes when the gateway or its provider refuses or cannot be reached; the
   * signal's reason when it is aborted.
   *
   * @example
   * ```ts
   * const answer = await client.chat.completions.create(
   *   { model: "gemini-2.5-flash", messages: [{ role: "user", content: "Why is the sky blue?" }] },
   *   { userId: "ada" },
   * );
   * console.log(answer.choices[0]?.message.content);
   * ```
   *
   * @example
   * ```ts
   * const stream = await client.chat.completions.create({
   *   messages: [{ role: "user", content: "Write a haiku" }],
   *   stream: true,
   *   user_id: "ada",
   * });
   * for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
   * ```
   */
  create(params: ChatCreateParamsStreaming, options?: CallOptions): Promise<ChatCompletionStream>;
  create(params: ChatCreateParamsNonStreaming, options?: CallOptions): Promise<ChatCompletion>;
  create(params: ChatCreateParams, options?: CallOptions): Promise<ChatCompletion | ChatCompletionStream>;
  async create(params: ChatCreateParams, options: CallOptions = {}): Promise<ChatCompletion | ChatCompletionStream> {
    const { user_id, session_id, thread_id, tier, token, tags, timeout, max_retries, headers, signal, ...body } = params;
    // What is undefined in the second argument says nothing: a user id must not get lost.
    const beside: CallOptions = {
      userId: options.userId ?? user_id,
      sessionId: options.sessionId ?? session_id,
      threadId: options.threadId ?? thread_id,
      tier: options.tier ?? tier,
      token: options.token ?? token,
      tags: options.tags ?? tags,
      timeout: options.timeout ?? timeout,
      maxRetries: options.maxRetries ?? max_retries,
      headers: options.headers ?? headers,
      signal: options.signal ?? signal,
      asApiKey: options.asApiKey,
    };
    const text = JSON.stringify(body);
    if (!body.stream) return this.#session.call("chat.completions.create", text, beside);
    return ChatCompletionStream.open(this.#session.stream(), text, nativeOptions(beside), beside.signal);
  }
}

/** Chat: `client.chat`. */
export class ChatModule {
  /** Chat completions. */
  readonly completions: CompletionsResource;

  /** @internal */
  constructor(session: Session) {
    this.completions = new CompletionsResource(session);
  }
}
