// Models that the project may call.
import type { CallOptions } from "./options.js";
import type { Session } from "./session.js";

/** One model that the project may call. */
export interface Model {
  /** The name to put in `model`. */
  id: string;
  /** Always `model`. */
  object: "model";
  /** Unix seconds; 0 where the list does not say. */
  created: number;
  /** The provider. */
  owned_by: string;
  /** How many tokens fit, input and output together, where it is known. */
  context_length?: number;
  /** How many tokens an answer may have, where it is known. */
  max_output_tokens?: number;
  /** What it can do; absent for a model that the gateway's catalogue does not list. */
  capabilities?: ModelCapabilities;
  [extra: string]: unknown;
}

/** What a model can do, as far as the gateway's catalogue says. */
export interface ModelCapabilities {
  /** Calls tools. */
  tools: boolean;
  /** Calls several tools in one turn. */
  parallel_tools: boolean;
  /** Reads images. */
  images: boolean;
  /** Hears sound. */
  audio: boolean;
  /** Reads documents such as PDF. */
  documents: boolean;
  /** Answers in the form of a JSON schema. */
  json_schema: boolean;
  /** Reasons before it answers. */
  reasoning: boolean;
  /** Keeps the beginning of prompts at a lower price. */
  prompt_caching: boolean;
  [extra: string]: unknown;
}

/** The models that the project may call. */
export interface ModelList {
  /** Always `list`. */
  object: "list";
  /** The models. */
  data: Model[];
  [extra: string]: unknown;
}

/** Models that the project may call: `client.models`. */
export class ModelsModule {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Lists them.
   *
   * @example
   * ```ts
   * for (const model of (await client.models.list()).data) console.log(model.id, model.owned_by);
   * ```
   */
  async list(options?: CallOptions): Promise<ModelList> {
    return this.#session.call("models.list", {}, options);
  }

  /**
   * Gets one of them. Its name may hold slashes.
   *
   * @throws {@link BehestError} 404 when the project may not call it.
   *
   * @example
   * ```ts
   * console.log((await client.models.get("local/echo")).owned_by);
   * ```
   */
  async get(id: string, options?: CallOptions): Promise<Model> {
    return this.#session.call("models.get", { id }, options);
  }

  /**
   * The same as {@link ModelsModule.get | get}, as OpenAI's package calls it.
   *
   * @example
   * ```ts
   * console.log((await client.models.retrieve("local/echo")).id);
   * ```
   */
  async retrieve(id: string, options?: CallOptions): Promise<Model> {
    return this.get(id, options);
  }
}
