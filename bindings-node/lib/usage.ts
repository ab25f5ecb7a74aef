// What was used, and what it cost.
import { type CallOptions, nativeFields, readOptions } from "./options.js";
import type { Session } from "./session.js";

/** An instant: a date, or text as in ISO 8601. */
export type Instant = Date | string;

/** Which usage to report. */
export interface UsageQuery {
  /** First instant, included. */
  from?: Instant;
  /** Last instant, excluded. */
  to?: Instant;
  /** The length of a bucket; `day` when absent. */
  granularity?: "minute" | "hour" | "day";
  /** One user's. A user's token sees its own alone. */
  user_id?: string;
  /** One session's. */
  session_id?: string;
  /** One model's. */
  model?: string;
  /** What to split buckets by, such as `model` or `user`. */
  group_by?: string;
}

/** Sums over calls. */
export interface UsageTotals {
  /** Attempts at a provider. */
  requests: number;
  /** Input and output together. */
  tokens: number;
  /** Tokens that went in. */
  input_tokens: number;
  /** Tokens that came out. */
  output_tokens: number;
  /** US dollars. */
  cost_usd: number;
  [extra: string]: unknown;
}

/** One bucket of time, or one group within it. */
export interface UsageBreakdownEntry extends UsageTotals {
  /** Where the bucket begins, as an ISO 8601 instant. */
  timestamp: string;
}

/** What was used. */
export interface UsageReport {
  /** Over the whole window. */
  totals: UsageTotals;
  /** By bucket of time, the oldest first. */
  breakdown: UsageBreakdownEntry[];
  [extra: string]: unknown;
}

/** Which time a bill covers. */
export interface BillingQuery {
  /** First instant, included. */
  from?: Instant;
  /** Last instant, excluded. */
  to?: Instant;
}

/** One side of a bill. */
export interface BillingSide extends UsageTotals {
  /** The same by model, the dearest first. */
  by_model: (UsageTotals & { model: string })[];
}

/** What it cost. */
export interface BillingReport {
  /** The project that the bill is for. */
  project_id: string;
  /** The time it covers. */
  window: { from: string; to: string };
  /** Calls paid with the platform's keys. */
  platform: BillingSide;
  /** Calls paid with the customer's own keys. */
  byok: BillingSide;
  [extra: string]: unknown;
}

/** What was used, and what it cost: `client.usage`. */
export class UsageModule {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Reports what was used, by the user whom the query names unless the options name another. A user's token sees that
   * user; `asApiKey: true` sees the whole project.
   *
   * @throws {@link BehestAuthError} 403 when a user's token asks for another user.
   *
   * @example
   * ```ts
   * const from = new Date(Date.now() - 24 * 60 * 60 * 1000);
   * const report = await client.usage.get({ from, granularity: "hour" }, { userId: "ada" });
   * console.log(report.totals.tokens, report.totals.cost_usd);
   * ```
   */
  async get(query: UsageQuery = {}, options?: CallOptions): Promise<UsageReport> {
    const beside = readOptions(options);
    const asked: UsageQuery = nativeFields(query);
    // Who has nothing else to call with calls as the user who is asked about.
    const caller = beside.asApiKey || beside.token ? {} : { userId: beside.userId ?? asked.user_id };
    // What JSON makes of a date is its ISO form.
    return this.#session.call("usage.get", { granularity: "day", ...asked }, { ...beside, ...caller });
  }

  /**
   * Reports what it cost, apart for the platform's provider keys and the customer's own.
   *
   * @example
   * ```ts
   * const bill = await client.usage.billing({}, { asApiKey: true });
   * console.log(bill.project_id, bill.platform.cost_usd);
   * ```
   */
  async billing(query: BillingQuery = {}, options?: CallOptions): Promise<BillingReport> {
    return this.#session.call("usage.billing", nativeFields(query), options);
  }
}
