// Vectors of texts.
import type { ChatCreateExtraOptions } from "./chat-types.js";
import { type CallOptions, misplaced, readOptions, takeOptions } from "./options.js";
import type { Session } from "./session.js";

/** The body of a request for vectors. Every other parameter is passed on as it is. */
export interface EmbeddingsCreateBody {
  /** A text or several; or the same as token ids, for providers that take them. */
  input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  /** The model; absent, empty or `default` is the project's own, which must then be one that embeds. */
  model?: string;
  /** How long the vectors are to be, for models that can shorten them. */
  dimensions?: number | null;
  /** `float`, which is meant when nothing is said, or `base64`, which a program decodes itself. */
  encoding_format?: "float" | "base64" | null;
  [extra: string]: any;
}

/** What {@link EmbeddingsModule.create | create} takes: the body, and beside it who the call is for. */
export type EmbeddingsCreateParams = EmbeddingsCreateBody & Omit<ChatCreateExtraOptions, "thread_id">;

/** The vector of one text. */
export interface Embedding {
  /** Always `embedding`. */
  object: "embedding";
  /** Which text, counted from 0. */
  index: number;
  /** The vector: numbers, or text where `base64` was asked for. */
  embedding: number[];
  [extra: string]: unknown;
}

/** The vectors of some texts. */
export interface Embeddings {
  /** Always `list`. */
  object: "list";
  /** One for each text, in their order. */
  data: Embedding[];
  /** The model that answered. */
  model: string;
  /** Tokens. Nothing comes out, so the two are the same. */
  usage?: { prompt_tokens: number; total_tokens: number; [extra: string]: unknown };
  [extra: string]: unknown;
}

/** Vectors of texts: `client.embeddings`. */
export class EmbeddingsModule {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Turns texts into vectors, one for each, in their order.
   *
   * Who the call is for can stand in the parameters (`user_id`, `session_id`, ...) or in a second argument (`userId`,
   * `sessionId`, ...), which wins. Both take either spelling.
   *
   * @throws {@link BehestError} and its classes when the gateway or its provider refuses or cannot be reached; the
   * signal's reason when it is aborted.
   *
   * @example
   * ```ts
   * const answer = await client.embeddings.create(
   *   { model: "text-embedding-3-small", input: ["The sky is blue", "Grass is green"] },
   *   { userId: "ada" },
   * );
   * console.log(answer.data[0]?.embedding.length);
   * ```
   */
  async create(params: EmbeddingsCreateParams, options?: CallOptions): Promise<Embeddings> {
    const { options: within, rest: body } = takeOptions(params);
    // Parameters often come from a page, which must not choose the credential.
    if (within.asApiKey != null) throw misplaced("asApiKey");
    return this.#session.call("embeddings.create", JSON.stringify(body), { ...within, ...readOptions(options) });
  }
}
