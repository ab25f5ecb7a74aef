// The classes of the published SDK before 1.5, on top of OpenAI's.
import type { ClientOptions, OpenAI as OpenAIClass } from "openai";

import { warnOnce } from "../warnings.js";
import { lazyClass, loadOpenAI } from "./openai.js";
import { type SigningKeyConfig, type SignTokenResult, signBehestJWT } from "./signing.js";

/** Options of {@link BehestClient}: OpenAI's, and these. */
export interface BehestClientOptions extends ClientOptions {
  /** The end user, sent as `X-End-User-Id`. */
  endUserId?: string;
  /** The project's slug: names the project in the host of a hosted gateway, `api.behest.app` say. */
  projectSlug?: string;
  /**
   * The tenant: ignored.
   *
   * @deprecated The credential tells.
   */
  tenantId?: string;
  /**
   * The project: ignored.
   *
   * @deprecated The credential tells.
   */
  projectId?: string;
}

/** Options of {@link BehestServerClient}. */
export interface BehestServerClientOptions extends BehestClientOptions {
  /** The key that `mintToken` signs with. */
  signingKey?: SigningKeyConfig;
}

/** What `mintToken` gives: `expiresAt` in Unix seconds. */
export type MintTokenResponse = SignTokenResult;

const DEFAULT_BASE_URL = "https://api.behest.ai";
const TIMEOUT = 60_000;
const MAX_RETRIES = 2;

/** Returns the base URL with the `/v1` that OpenAI's class needs, at the project's own host where there is one. */
function baseURL(said: string | null | undefined, slug: string | undefined): string {
  const given = said || process.env.BEHEST_BASE_URL || DEFAULT_BASE_URL;
  const url = new URL(given.replace(/\/+$/, "").replace(/\/v1$/, ""));
  if (slug && url.hostname.startsWith("api.")) url.hostname = slug + url.hostname.slice("api".length);
  return `${url.href.replace(/\/+$/, "")}/v1`;
}

function openaiOptions(options: BehestClientOptions): ClientOptions {
  const { endUserId, projectSlug, tenantId: _tenant, projectId: _project, apiKey, defaultHeaders, ...rest } = options;
  return {
    timeout: TIMEOUT,
    maxRetries: MAX_RETRIES,
    ...rest,
    apiKey: apiKey ?? process.env.BEHEST_API_KEY ?? process.env.BEHEST_KEY,
    baseURL: baseURL(rest.baseURL, projectSlug),
    defaultHeaders: { ...(endUserId ? { "X-End-User-Id": endUserId } : {}), ...(defaultHeaders as object) },
  };
}

/** The instances of {@link BehestClient}: OpenAI's. */
export type BehestClient = OpenAIClass;

const defineClient = (): new (options?: BehestClientOptions) => BehestClient =>
  class BehestClient extends loadOpenAI() {
    static readonly warning: string = "`BehestClient` is deprecated: use `Behest`";

    constructor(options: BehestClientOptions = {}) {
      warnOnce(new.target.warning);
      super(openaiOptions(options));
    }
  };

/**
 * OpenAI's class, set up for Behest with an API key.
 *
 * @deprecated Use {@link Behest}.
 *
 * @example
 * ```ts
 * const legacy = new BehestClient({ endUserId: "ada" });
 * const answer = await legacy.chat.completions.create({
 *   model: "gemini-2.5-flash",
 *   messages: [{ role: "user", content: "Hello" }],
 * });
 * console.log(answer.choices[0]?.message.content);
 * ```
 */
export const BehestClient: new (options?: BehestClientOptions) => BehestClient = lazyClass(defineClient);

/** The instances of {@link BehestServerClient}. */
export interface BehestServerClient extends BehestClient {
  /** Signs a token for an end user, here and without a request. `role` is ignored; `expiresIn` is in seconds. */
  mintToken(userId: string, role?: "regular" | "admin" | "service", expiresIn?: number): Promise<MintTokenResponse>;
  /** Whether a token ends within `thresholdSeconds`. */
  isTokenExpiringSoon(token: MintTokenResponse, thresholdSeconds?: number): boolean;
}

const defineServerClient = (): new (options?: BehestServerClientOptions) => BehestServerClient =>
  class BehestServerClient extends BehestClient {
    static readonly warning: string = "`BehestServerClient` is deprecated: use `Behest` and its `auth.mint`";
    readonly #signingKey: SigningKeyConfig | undefined;

    constructor({ signingKey, ...options }: BehestServerClientOptions = {}) {
      super(options);
      this.#signingKey = signingKey;
    }

    async mintToken(userId: string, _role = "regular", expiresIn = 3600): Promise<MintTokenResponse> {
      if (this.#signingKey === undefined) {
        throw new Error("this BehestServerClient was made without a `signingKey`: pass one, or use `Behest` and `auth.mint`");
      }
      return signBehestJWT(this.#signingKey, { userId, expiresIn });
    }

    isTokenExpiringSoon(token: MintTokenResponse, thresholdSeconds = 300): boolean {
      return token.expiresAt - Math.floor(Date.now() / 1000) < thresholdSeconds;
    }
  };

/**
 * {@link BehestClient} with local signing of tokens.
 *
 * @deprecated Use {@link Behest} and its `auth.mint`.
 *
 * @example
 * ```ts
 * import { generateKeyPairSync } from "node:crypto";
 * import { BehestServerClient } from "@behest/client-ts";
 *
 * const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
 * const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
 * const signingKey = { privateKeyPem, keyId: "sk_0123456789abcdef", tenantId: "tenant", projectId: "project" };
 * const server = new BehestServerClient({ signingKey });
 * const token = await server.mintToken("ada", "regular", 3600);
 * console.log(server.isTokenExpiringSoon(token)); // false
 * ```
 */
export const BehestServerClient: new (options?: BehestServerClientOptions) => BehestServerClient =
  lazyClass(defineServerClient);

/**
 * OpenAI's class, for programs that import it from here. It is loaded when it is first used.
 *
 * @deprecated Import it from `openai`.
 *
 * @example
 * ```ts
 * const { token } = await client.auth.mint({ user_id: "ada" });
 * const theirs = new OpenAI({ apiKey: token, baseURL: `${client.config.baseUrl}/v1` });
 * console.log((await theirs.models.list()).data.length);
 * ```
 */
export const OpenAI: typeof OpenAIClass = lazyClass(() => {
  warnOnce("importing `OpenAI` from `@behest/client-ts` is deprecated: import it from `openai`");
  return loadOpenAI();
});
/** The instances of {@link OpenAI}. */
export type OpenAI = OpenAIClass;
