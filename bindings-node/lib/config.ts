// What a client runs with.
import { sync } from "./engine.js";
import { BehestConfigError } from "./errors.js";
import { type HeadersLike, lost, plainHeaders, seconds, snake } from "./fields.js";
import { native } from "./native.js";
import { warnOnce } from "./warnings.js";

/** How tokens for end users come about: the gateway mints them for an API key, or a private key signs them here. */
export type Mode = "apiKey" | "sign";

/** What a client is made from. Whatever is left out comes from the environment, then from what `behest serve` stored. */
export interface BehestInit {
  /** An API key (`behest_sk_live_...`), or a private key to sign with: PEM or base64 of it, with or without `behest_pk_`. Else `BEHEST_KEY`. */
  key?: string;
  /**
   * The key.
   *
   * @deprecated Use `key`.
   */
  apiKey?: string;
  /** Where the gateway is; a trailing `/v1` is ignored. Else `BEHEST_BASE_URL`, else `https://api.behest.ai`. */
  baseUrl?: string;
  /** The tenant that owns the signing key, in sign mode. Else `BEHEST_TENANT_ID`. */
  tenantId?: string;
  /** The project to call, in sign mode. Else `BEHEST_PROJECT_ID`. */
  projectId?: string;
  /** The signing key's name, in sign mode. Else `BEHEST_KID`. */
  kid?: string;
  /** The end user of calls that name none. Else `BEHEST_USER_ID`, else `default`. */
  defaultUserId?: string;
  /** The tier of calls that name none: 1, 2, 3, or a name. Else `BEHEST_TIER`. */
  tier?: number | string;
  /** How long tokens live, in seconds, 60 to 86,400. Else `BEHEST_TTL`, else 3,600. */
  ttl?: number;
  /** The issuer in locally signed tokens. Else `BEHEST_ISSUER`. */
  issuer?: string;
  /** The audience in locally signed tokens. Else `BEHEST_AUDIENCE`. */
  audience?: string;
  /** How long a call may take, in milliseconds, retries included; for a stream, until it begins. 600,000 by default. */
  timeout?: number;
  /** How often a failed call is tried again. 2 by default. */
  maxRetries?: number;
  /** Headers of every call. */
  defaultHeaders?: HeadersLike;
  /** Takes deprecation warnings, instead of the process. */
  warn?: (message: string) => void;
  /** Refused: calls do not travel by `fetch`. */
  fetch?: never;
}

/** What a client runs with. It holds no key. */
export interface ResolvedConfig {
  /** How tokens come about. */
  readonly mode: Mode;
  /** Where the gateway is, without a slash at its end. */
  readonly baseUrl: string;
  /** The tenant, in sign mode. */
  readonly tenantId?: string;
  /** The project, in sign mode. */
  readonly projectId?: string;
  /** The signing key's name, in sign mode. */
  readonly kid?: string;
  /** The end user of calls that name none. */
  readonly defaultUserId: string;
  /** The tier of calls that name none. */
  readonly tier?: number | string;
  /** How long tokens live, in seconds. */
  readonly ttl: number;
  /** The issuer in locally signed tokens. */
  readonly issuer: string;
  /** The audience in locally signed tokens. */
  readonly audience: string;
  /** How long a call may take, in milliseconds. */
  readonly timeout: number;
  /** How often a failed call is tried again. */
  readonly maxRetries: number;
}

const NAMES: ReadonlySet<string> = new Set([
  "key",
  "baseUrl",
  "tenantId",
  "projectId",
  "kid",
  "defaultUserId",
  "tier",
  "ttl",
  "issuer",
  "audience",
  "timeout",
  "maxRetries",
  "defaultHeaders",
]);

/** Returns the options as the native module reads them. `more` are names of its own that are taken as well. */
export function nativeInit(init: object, more: readonly string[] = []): string {
  const { apiKey, warn, ...rest } = init as BehestInit;
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || value === null) continue;
    if (!NAMES.has(name) && !more.includes(name)) throw refused(name);
    const wrong = lost(value);
    if (wrong !== undefined) throw new BehestConfigError(`\`${name}\`: ${wrong}`, { code: "bad_value", param: name });
    fields[snake(name)] = value;
  }
  if (apiKey != null) {
    warnOnce("the option `apiKey` is deprecated: use `key`", warn);
    fields.key ??= apiKey;
  }
  if (rest.timeout != null) fields.timeout = seconds(rest.timeout);
  if (rest.defaultHeaders != null) fields.default_headers = plainHeaders(rest.defaultHeaders);
  return JSON.stringify(fields);
}

function refused(name: string): BehestConfigError {
  if (name === "fetch") {
    const message =
      "`fetch` cannot be replaced: calls are made by the native module. For a proxy set HTTPS_PROXY; " +
      "to test without a network use `await Behest.local()`";
    return new BehestConfigError(message, { code: "bad_value", param: name });
  }
  const near = [...NAMES].find((known) => known.toLowerCase() === name.toLowerCase());
  const message = near ? `there is no option \`${name}\`: did you mean \`${near}\`?` : `there is no option \`${name}\``;
  return new BehestConfigError(message, { code: "bad_value", param: name });
}

/** Reads the configuration that the native module tells. */
export function readConfig(json: string): ResolvedConfig {
  const found = JSON.parse(json) as Record<string, any>;
  return Object.freeze({
    mode: found.mode,
    baseUrl: found.base_url,
    tenantId: found.tenant_id ?? undefined,
    projectId: found.project_id ?? undefined,
    kid: found.kid ?? undefined,
    defaultUserId: found.default_user_id,
    tier: found.tier ?? undefined,
    ttl: found.ttl,
    issuer: found.issuer,
    audience: found.audience,
    timeout: found.timeout * 1000,
    maxRetries: found.max_retries,
  });
}

/**
 * Returns what a client of these options would run with, without its key.
 *
 * @throws {@link BehestConfigError} `missing_env` names what to set, `bad_key_format`, `bad_base_url` and `bad_value`
 * what to correct.
 *
 * @example
 * ```ts
 * const config = resolveConfig({ baseUrl: "http://localhost:8080/v1/" });
 * console.log(config.baseUrl); // http://localhost:8080
 * ```
 */
export function resolveConfig(init: BehestInit = {}): ResolvedConfig {
  const options = nativeInit(init);
  const { config, notices } = sync(() => native().resolveConfig(options));
  for (const notice of notices) warnOnce(notice, init.warn);
  return readConfig(config);
}

/**
 * Returns the mode that a key stands for.
 *
 * @throws {@link BehestConfigError} `missing_env` when it is empty, `bad_key_format` when it is none.
 *
 * @example
 * ```ts
 * console.log(detectMode("behest_sk_live_0123456789abcdef0123456789abcdef").mode); // apiKey
 * ```
 */
export function detectMode(key: string): { mode: Mode } {
  const text = key ?? "";
  // Checked here: the native module's own refusal would repeat what it was given.
  if (typeof text !== "string") throw new BehestConfigError("`key`: it must be text", { param: "key" });
  return { mode: sync(() => native().detectMode(text)) as Mode };
}
