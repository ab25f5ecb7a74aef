// What TypeScript says of programs that use the package. Compiled by the tests, and never run.
import type OpenAI from "openai";

import {
  Behest,
  BehestClient,
  BehestError,
  BehestRateLimitError,
  BehestServerClient,
  type ChatCompletion,
  type ChatCompletionChunk,
  ChatCompletionStream,
  type ChatCreateParams,
  type Embeddings,
  type LocalBehest,
  type MintResult,
  OpenAI as ReExported,
  type ResolvedConfig,
  type Thread,
  type ThreadMessage,
  type UsageReport,
  classifyHttpError,
  decodeToken,
  meta,
} from "@behest/client-ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles where `value` has exactly the type `T`. */
function is<T>() {
  return <V,>(_value: V, ..._differs: Equal<V, T> extends true ? [] : [never]): void => {};
}

declare const client: Behest;
declare const params: ChatCreateParams;
const messages = [{ role: "user", content: "hello" }];

is<Promise<ChatCompletion>>()(client.chat.completions.create({ messages }));
is<Promise<ChatCompletion>>()(client.chat.completions.create({ messages, stream: false }));
is<Promise<ChatCompletionStream>>()(client.chat.completions.create({ messages, stream: true }));
is<Promise<ChatCompletion | ChatCompletionStream>>()(client.chat.completions.create(params));
is<Promise<ChatCompletionStream>>()(
  client.chat.completions.create({ messages, stream: true, user_id: "ada", signal: AbortSignal.timeout(1) }, { sessionId: "s" }),
);

async function reads(stream: ChatCompletionStream, answer: ChatCompletion): Promise<void> {
  for await (const chunk of stream) {
    is<ChatCompletionChunk>()(chunk);
    is<string | null | undefined>()(chunk.choices[0]?.delta.content);
  }
  is<ReadableStream<Uint8Array<ArrayBufferLike>>>()(stream.toReadableStream());
  is<string | null | undefined>()(answer.choices[0]?.message.content);
  is<number | undefined>()(answer.usage?.total_tokens);
  // Fields of a newer API are there, and say that nothing is known of them.
  is<unknown>()(answer.choices[0]?.message.reasoning);
  is<number | undefined>()(meta(answer).costUsd);
  await using _disposable: AsyncDisposable = stream;
}

async function others(): Promise<void> {
  is<MintResult>()(await client.auth.mint({ user_id: "ada" }));
  is<Embeddings>()(await client.embeddings.create({ input: ["a"], dimensions: 8, user_id: "ada" }));
  is<Thread[]>()(await client.threads.list());
  is<ThreadMessage[]>()(await client.threads.messages("t", { userId: "ada" }));
  is<void>()(await client.threads.delete("t"));
  is<UsageReport>()(await client.usage.get({ from: new Date(), to: "2026-01-01", granularity: "hour" }));
  is<LocalBehest>()(await Behest.local({ port: 0, timeout: 1000 }));
  is<ResolvedConfig>()(client.config);
  is<"apiKey" | "sign">()(client.mode);
  is<string | undefined>()(decodeToken("a.b.c").uid);
  const error: unknown = classifyHttpError({ status: 429 });
  if (error instanceof BehestRateLimitError) is<number | undefined>()(error.retryAfter);
  if (error instanceof BehestError) is<string | undefined>()(error.traceId);
}

// What OpenAI's package types is taken as it is.
declare const theirs: OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
declare const theirMessages: OpenAI.Chat.ChatCompletionMessageParam[];
is<Promise<ChatCompletion>>()(client.chat.completions.create(theirs));
is<Promise<ChatCompletion>>()(client.chat.completions.create({ messages: theirMessages }));

// The legacy classes are OpenAI's, and can be extended.
class Mine extends BehestClient {
  hello(): Promise<OpenAI.Chat.ChatCompletion> {
    return this.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hello" }] });
  }
}
const legacy: BehestClient = new Mine({ endUserId: "ada", maxRetries: 1 });
legacy.chat.completions.create({ model: "m", messages: theirMessages }) satisfies Promise<OpenAI.Chat.ChatCompletion>;
is<number>()(legacy.maxRetries);
void (new ReExported.APIError(404, undefined, undefined, undefined).status satisfies number | undefined);
async function mints(server: BehestServerClient): Promise<void> {
  is<number>()((await server.mintToken("ada", "regular", 60)).expiresAt);
}

// @ts-expect-error messages are needed
void client.chat.completions.create({ model: "m" });
// @ts-expect-error a message has a role
void client.chat.completions.create({ messages: [{ content: "hello" }] });
// @ts-expect-error a user id is text
void client.chat.completions.create({ messages, user_id: 7 });
// @ts-expect-error there is no such option
void client.models.list({ user: "ada" });
// @ts-expect-error there is no such option
void new Behest({ baseURL: "http://localhost" });
// @ts-expect-error calls do not travel by fetch
void new Behest({ fetch });
// @ts-expect-error a local gateway brings its own key
void Behest.local({ key: "k" });
// @ts-expect-error the granularities are three
void client.usage.get({ granularity: "year" });
// @ts-expect-error what it runs with cannot be changed
client.config.timeout = 1;
// @ts-expect-error streams are not made by hand
void new ChatCompletionStream();
// @ts-expect-error an unknown field has to be looked at first
void ((answer: ChatCompletion): string => answer.choices[0]!.message.reasoning);

export { mints, others, reads };
