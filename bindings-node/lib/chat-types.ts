// Chat completions in OpenAI's dialect. What a newer API adds is kept: every type is open for more fields.
import type { HeadersLike } from "./fields.js";

/** A request to call one of your functions. */
export interface ChatCompletionMessageToolCall {
  /** To name in the message that answers it. */
  id: string;
  /** `function`. */
  type: string;
  /** Which function, and its arguments as JSON text. */
  function: { name: string; arguments: string };
  [extra: string]: any;
}

/**
 * One message of a conversation.
 *
 * The index is `any`, so that messages typed by OpenAI's package, which are interfaces, can be passed as they are.
 */
export interface ChatMessage {
  /** `system`, `developer`, `user`, `assistant` or `tool`. */
  role: string;
  /** Text, or parts such as text and images; `null` when the message only calls tools. */
  content?: string | readonly any[] | null;
  /** Who speaks, where several do. */
  name?: string;
  /** Of an `assistant` message: what it asks to call. */
  tool_calls?: any[];
  /** Of a `tool` message: which call it answers. */
  tool_call_id?: string;
  [extra: string]: any;
}

/** The body of a chat completion. Every other parameter is passed on as it is. */
export interface ChatCompletionCreateParams {
  /** The model; absent, empty or `default` is the project's own. */
  model?: string;
  /** The conversation. */
  messages: readonly ChatMessage[];
  /** Whether the answer comes in pieces, while the model writes it. */
  stream?: boolean | null;
  /** `include_usage` asks for a last chunk with the tokens. */
  stream_options?: { include_usage?: boolean; [extra: string]: any } | null;
  /** How daring the words are, 0 to 2. */
  temperature?: number | null;
  /** How much of the likely words is drawn from, 0 to 1. */
  top_p?: number | null;
  /** How long the answer may be, in tokens. */
  max_tokens?: number | null;
  /** How long the answer may be, in tokens, thoughts included. */
  max_completion_tokens?: number | null;
  /** Functions that the model may ask to call. */
  tools?: readonly any[];
  /** Which of them it must or may call. */
  tool_choice?: any;
  /** What form the answer has. */
  response_format?: any;
  [extra: string]: any;
}

/** What the published SDK takes beside the body, in the same object. It is taken out before the body is sent. */
export interface ChatCreateExtraOptions {
  /** The end user that the call is for. */
  user_id?: string;
  /** The session that its cost goes to. */
  session_id?: string;
  /** The conversation that the gateway remembers it in. */
  thread_id?: string;
  /** The end user's tier: 1, 2, 3, or a name. */
  tier?: number | string;
  /** A token to call with. */
  token?: string;
  /** Labels for the cost reports. */
  tags?: Readonly<Record<string, string>>;
  /** How long the call may take, in milliseconds. */
  timeout?: number;
  /** How often it is tried again when it fails. */
  max_retries?: number;
  /** Headers of this call. */
  headers?: HeadersLike;
  /** Cancels the call. */
  signal?: AbortSignal | null;
}

/** A chat completion's body, and what is said beside it. */
export type ChatCreateParams = ChatCompletionCreateParams & ChatCreateExtraOptions;
/** Asks for a stream. */
export type ChatCreateParamsStreaming = ChatCreateParams & { stream: true };
/** Asks for a whole answer. */
export type ChatCreateParamsNonStreaming = ChatCreateParams & { stream?: false | null };

/** Tokens of one call. */
export interface CompletionUsage {
  /** Tokens that went in, cached ones included. */
  prompt_tokens: number;
  /** Tokens that came out, thoughts included. */
  completion_tokens: number;
  /** Both together. */
  total_tokens: number;
  [extra: string]: unknown;
}

/** What a model said. */
export interface ChatCompletionMessage {
  /** `assistant`. */
  role: string;
  /** The text, or `null` when it only calls tools. */
  content: string | null;
  /** What it asks to call. */
  tool_calls?: ChatCompletionMessageToolCall[];
  [extra: string]: unknown;
}

/** Why an answer ended: `stop`, `length`, `tool_calls`, `content_filter`, or what the provider says. */
export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | (string & {});

/** A whole answer, as it came: plain JSON. */
export interface ChatCompletion {
  /** The provider's id for it. */
  id: string;
  /** `chat.completion`. */
  object: string;
  /** When, in Unix seconds. */
  created: number;
  /** The model that answered. */
  model: string;
  /** The answers; one unless `n` asked for more. */
  choices: {
    index: number;
    message: ChatCompletionMessage;
    finish_reason: FinishReason | null;
    [extra: string]: unknown;
  }[];
  /** Tokens, where the provider said. */
  usage?: CompletionUsage;
  [extra: string]: unknown;
}

/** A piece of a request to call a function: pieces of the same `index` belong together. */
export interface ChatCompletionChunkToolCall {
  /** Which of the requests it belongs to. */
  index: number;
  /** To name in the message that answers it; in the first piece. */
  id?: string;
  /** `function`; in the first piece. */
  type?: string;
  /** Which function, in the first piece; and the next part of its arguments. */
  function?: { name?: string; arguments?: string };
  [extra: string]: unknown;
}

/** One piece of a streamed answer, as it came: plain JSON. */
export interface ChatCompletionChunk {
  /** The provider's id for the answer. */
  id: string;
  /** `chat.completion.chunk`. */
  object: string;
  /** When, in Unix seconds. */
  created: number;
  /** The model that answers. */
  model: string;
  /** What is new; empty in the chunk that carries usage. */
  choices: {
    index: number;
    delta: { role?: string; content?: string | null; tool_calls?: ChatCompletionChunkToolCall[]; [extra: string]: unknown };
    finish_reason: FinishReason | null;
    [extra: string]: unknown;
  }[];
  /** Tokens, in the last chunk, when `stream_options.include_usage` asked for them. */
  usage?: CompletionUsage | null;
  [extra: string]: unknown;
}
