// What the gateway says about an answer, beside it.

/** What the gateway says about an answer, in its headers. A field is absent where the gateway did not say. */
export interface Meta {
  /** The gateway's name for the call, to quote to its operator. */
  readonly traceId?: string;
  /** The model that answered. */
  readonly model?: string;
  /** The provider that answered. */
  readonly provider?: string;
  /** What the call cost, in US dollars; shown to API keys and admins, and to users where the project says so. */
  readonly costUsd?: number;
  /** How many remembered messages were put in front of the call's own. */
  readonly memory?: number;
  /** How many times a provider was asked. */
  readonly attempts?: number;
}

/** The texts, read when somebody asks. Beside the answers and not in them, so that they print and compare as they came. */
const texts = new WeakMap<object, string>();

/** Remembers what was said about an answer. */
export function describe<T>(answer: T, text: string | null): T {
  if (text != null && typeof answer === "object" && answer !== null) texts.set(answer, text);
  return answer;
}

/**
 * Returns what the gateway says about an answer: its trace id, model, provider, cost. The answer itself is plain JSON.
 *
 * @example
 * ```ts
 * const answer = await client.chat.completions.create({ messages: [{ role: "user", content: "Hello" }] });
 * console.log(meta(answer).traceId, meta(answer).model);
 * ```
 */
export function meta(answer: object): Meta {
  const text = texts.get(answer);
  return text === undefined ? {} : readMeta(text);
}

/** Reads the text of a {@link Meta}. */
export function readMeta(text: string): Meta {
  const found = JSON.parse(text) as Record<string, any>;
  return {
    traceId: found.trace_id ?? undefined,
    model: found.model ?? undefined,
    provider: found.provider ?? undefined,
    costUsd: found.cost_usd ?? undefined,
    memory: found.memory ?? undefined,
    attempts: found.attempts ?? undefined,
  };
}
