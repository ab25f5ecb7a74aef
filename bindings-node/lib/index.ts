// The TypeScript SDK of Behest, the AI backend for applications.

export { Behest, LocalBehest } from "./behest.js";
export type { LegacyMintOptions, LegacyMintResult } from "./behest.js";
export { detectMode, resolveConfig } from "./config.js";
export type { BehestInit, Mode, ResolvedConfig } from "./config.js";
export type { CallOptions } from "./options.js";
export type { HeadersLike } from "./fields.js";
export { LocalGateway } from "./local.js";
export type { LocalInit } from "./local.js";

export { AuthModule } from "./auth.js";
export type { MintOptions, MintResult } from "./auth.js";
export { ChatModule } from "./chat.js";
export type * from "./chat-types.js";
export { ChatCompletionStream } from "./stream.js";
export { EmbeddingsModule } from "./embeddings.js";
export type { Embedding, Embeddings, EmbeddingsCreateBody, EmbeddingsCreateParams } from "./embeddings.js";
export { ThreadsModule } from "./threads.js";
export type { Thread, ThreadListOptions, ThreadMessage } from "./threads.js";
export { UsageModule } from "./usage.js";
export type {
  BillingQuery,
  BillingReport,
  BillingSide,
  Instant,
  UsageBreakdownEntry,
  UsageQuery,
  UsageReport,
  UsageTotals,
} from "./usage.js";
export { ModelsModule } from "./models.js";
export type { Model, ModelCapabilities, ModelList } from "./models.js";
export { meta } from "./meta.js";
export type { Meta } from "./meta.js";

export { decodeToken, generateSessionId, version } from "./helpers.js";
export type { BehestClaims } from "./helpers.js";
export {
  BehestAuthError,
  BehestBadRequestError,
  BehestBlockedError,
  BehestConfigError,
  BehestError,
  BehestQuotaError,
  BehestRateLimitError,
  BehestServerError,
  classifyHttpError,
} from "./errors.js";
export type { BehestErrorInit, HttpErrorInput } from "./errors.js";

export { BehestClient, BehestServerClient, OpenAI } from "./legacy/client.js";
export type { BehestClientOptions, BehestServerClientOptions, MintTokenResponse } from "./legacy/client.js";
export { clearSigningKeyCache, importSigningKey, signBehestJWT } from "./legacy/signing.js";
export type { SigningKeyConfig, SignTokenOptions, SignTokenResult } from "./legacy/signing.js";
