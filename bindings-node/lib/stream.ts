// A streamed answer.
import type { ChatCompletionChunk } from "./chat-types.js";
import { run } from "./engine.js";
import { type Meta, readMeta } from "./meta.js";
import type { NativeStream } from "./native.js";

/**
 * An answer as it arrives. It can be read once.
 *
 * Leaving the loop, by `break`, `return` or `throw`, closes the request at the gateway, and so do {@link
 * ChatCompletionStream.close | close}, `await using`, the signal of the call, and the garbage collector. What fails
 * while it arrives is thrown by the loop, once; chunks that came before stay valid, but the answer is not complete.
 *
 * @example
 * ```ts
 * await using stream = await client.chat.completions.create({
 *   messages: [{ role: "user", content: "Count to ten" }],
 *   stream: true,
 * });
 * let text = "";
 * for await (const chunk of stream) {
 *   text += chunk.choices[0]?.delta.content ?? "";
 *   if (text.length > 100) break;
 * }
 * ```
 */
export class ChatCompletionStream implements AsyncIterableIterator<ChatCompletionChunk>, AsyncDisposable {
  /** What the gateway said about the answer before it began. */
  readonly meta: Meta;

  readonly #native: NativeStream;
  readonly #signal: AbortSignal | null | undefined;
  #unlisten: (() => void) | undefined;
  #batch: ChatCompletionChunk[] = [];
  #position = 0;
  #filling: Promise<void> | undefined;
  #over = false;
  #aborted = false;
  #controller: AbortController | undefined;

  private constructor(native: NativeStream, meta: Meta, signal: AbortSignal | null | undefined) {
    this.meta = meta;
    this.#native = native;
    this.#signal = signal;
    if (signal != null) {
      this.#unlisten = listen(signal, new WeakRef(this));
      abandoned.register(this, this.#unlisten, this);
    }
  }

  /** @internal */
  static async open(
    native: NativeStream,
    body: string,
    options: string,
    signal: AbortSignal | null | undefined,
  ): Promise<ChatCompletionStream> {
    try {
      const delivery = await run((number) => native.open(number, body, options), signal);
      const stream = new ChatCompletionStream(native, readMeta(delivery[3] ?? "{}"), signal);
      if (signal?.aborted) stream.#abort();
      return stream;
    } catch (error) {
      native.close();
      throw error;
    }
  }

  /** Returns the stream itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Waits for the next chunk. */
  next(): Promise<IteratorResult<ChatCompletionChunk, undefined>> {
    const chunk = this.#batch[this.#position];
    if (chunk === undefined) return this.#wait();
    this.#position += 1;
    return Promise.resolve({ done: false, value: chunk });
  }

  /** Closes the stream: what a loop does that is left early. */
  async return(): Promise<IteratorResult<ChatCompletionChunk, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Closes the stream, and fails with `error`. */
  async throw(error: unknown): Promise<IteratorResult<ChatCompletionChunk, undefined>> {
    this.close();
    throw error;
  }

  /** Closes the request at the gateway. A loop that reads it ends. Closing twice is closing once. */
  close(): void {
    this.#finish();
    this.#native.close();
  }

  /** The same as {@link ChatCompletionStream.close | close}. */
  abort(): void {
    this.close();
  }

  /** For programs written for OpenAI's package: `stream.controller.abort()` closes the stream. */
  get controller(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#controller.signal.addEventListener("abort", () => this.close(), { once: true });
    }
    return this.#controller;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /**
   * Returns the rest of the stream as bytes: each chunk as a line of JSON. It is the form of OpenAI's package, whose
   * `fromReadableStream` reads it, in a browser too. Cancelling it closes the stream.
   *
   * @example
   * ```ts
   * async function handle(): Promise<Response> {
   *   const stream = await client.chat.completions.create({
   *     messages: [{ role: "user", content: "Hello" }],
   *     stream: true,
   *   });
   *   return new Response(stream.toReadableStream(), { headers: { "Content-Type": "application/x-ndjson" } });
   * }
   * console.log(await (await handle()).text());
   * ```
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await this.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      },
      cancel: () => this.close(),
    });
  }

  async #wait(): Promise<IteratorResult<ChatCompletionChunk, undefined>> {
    for (;;) {
      const chunk = this.#batch[this.#position];
      if (chunk !== undefined) {
        this.#position += 1;
        return { done: false, value: chunk };
      }
      if (this.#aborted) {
        this.#aborted = false;
        throw this.#signal?.reason;
      }
      if (this.#over) return { done: true, value: undefined };
      // One at a time, so that chunks keep their order whoever waits for them.
      await (this.#filling ??= this.#fill().finally(() => (this.#filling = undefined)));
    }
  }

  async #fill(): Promise<void> {
    try {
      const text = (await run((number) => this.#native.next(number)))[2];
      if (text == null) this.#finish();
      else if (!this.#over) [this.#batch, this.#position] = [JSON.parse(text), 0];
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  #finish(): void {
    this.#over = true;
    this.#batch = [];
    if (this.#unlisten !== undefined) {
      this.#unlisten();
      this.#unlisten = undefined;
      abandoned.unregister(this);
    }
  }

  #abort(): void {
    if (this.#over) return;
    this.#aborted = true;
    this.close();
  }

  /** @internal */
  static cancel(stream: ChatCompletionStream): void {
    stream.#abort();
  }
}

/** Takes the listener off a signal that outlives a stream which nobody closed. */
const abandoned = new FinalizationRegistry<() => void>((unlisten) => unlisten());

/**
 * Lets `signal` abort `stream`, and returns what takes the listener off again. The signal may live as long as the
 * process, so neither function may hold the stream.
 */
function listen(signal: AbortSignal, stream: WeakRef<ChatCompletionStream>): () => void {
  const abort = (): void => {
    const open = stream.deref();
    if (open !== undefined) ChatCompletionStream.cancel(open);
  };
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
