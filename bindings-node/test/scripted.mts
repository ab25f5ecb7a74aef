// A server that answers as a test tells it to: for what a real gateway will not do on demand.
import { once } from "node:events";
import { type IncomingHttpHeaders, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const KEY = `behest_sk_live_${"0".repeat(32)}`;

/** One request, and the ways to answer it. */
export class Exchange {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Settles when the client went away before the answer was complete. */
  readonly abandoned: Promise<void>;
  readonly #response: ServerResponse;

  constructor(
    readonly method: string,
    url: string,
    headers: IncomingHttpHeaders,
    readonly body: any,
    response: ServerResponse,
  ) {
    const { pathname, searchParams } = new URL(url, "http://scripted");
    [this.path, this.query, this.headers, this.#response] = [pathname, searchParams, headers, response];
    this.abandoned = new Promise((resolve) => {
      response.once("close", () => {
        if (!response.writableEnded) resolve();
      });
    });
  }

  /** The end user that the call's token names. */
  get user(): string {
    return String(claims(this.headers.authorization).uid);
  }

  json(body: unknown, status = 200, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { "Content-Type": "application/json", ...headers });
    this.#response.end(JSON.stringify(body));
  }

  refuse(status: number, code: string, headers: Record<string, string> = {}, more: object = {}): void {
    this.json({ error: { code, message: `refused: ${code}`, ...more } }, status, headers);
  }

  answer(content: string): void {
    this.json({ id: "1", model: "scripted", choices: [{ index: 0, message: { role: "assistant", content } }] });
  }

  /** Begins a stream, if it has not begun, and sends some pieces of text. */
  async pieces(...texts: string[]): Promise<void> {
    this.#begin();
    for (const content of texts) await this.event({ choices: [{ index: 0, delta: { content } }] });
  }

  async event(data: unknown): Promise<void> {
    this.#begin();
    await new Promise((resolve) => this.#response.write(`data: ${JSON.stringify(data)}\n\n`, resolve));
  }

  /** Completes a stream. */
  done(): void {
    this.#begin();
    this.#response.end("data: [DONE]\n\n");
  }

  /** Ends a stream without completing it. */
  end(): void {
    this.#response.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.#response.socket?.resetAndDestroy();
  }

  #begin(): void {
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, { "Content-Type": "text/event-stream", "X-Trace-Id": "trace-of-the-stream" });
    }
  }
}

/** What a test's token says. */
export function claims(authorization: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(authorization?.split(".")[1] ?? "", "base64url").toString() || "{}");
}

type Script = (exchange: Exchange) => unknown;

/** A running server. */
export class Scripted {
  /** All requests but those for tokens. */
  readonly seen: Exchange[] = [];
  /** The bodies of requests for tokens. */
  readonly mints: any[] = [];
  /** What is answered to the next ones; the last is for all that follow. */
  script: Script[] = [];
  /** What tokens differ by from those that a gateway mints. */
  minted: Record<string, unknown> = {};
  readonly #server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const text = Buffer.concat(pieces).toString();
      const body = text === "" ? undefined : JSON.parse(text);
      this.#take(new Exchange(request.method ?? "", request.url ?? "", request.headers, body, response));
    });
  });
  readonly #arrivals = new Map<number, () => void>();

  static async start(): Promise<Scripted> {
    const scripted = new Scripted();
    scripted.#server.listen(0, "127.0.0.1");
    await once(scripted.#server, "listening");
    return scripted;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Forgets what came, and answers from now on by `script`. */
  follow(...script: Script[]): void {
    this.seen.length = 0;
    this.mints.length = 0;
    this.minted = {};
    this.script = script;
  }

  /** Waits until `count` requests have come, and gives the last of them. */
  async arrival(count = 1): Promise<Exchange> {
    if (this.seen.length < count) await new Promise<void>((resolve) => this.#arrivals.set(count, resolve));
    return this.seen[count - 1] as Exchange;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(exchange: Exchange): void {
    if (exchange.path === "/v1/auth/mint") return this.#mint(exchange);
    this.seen.push(exchange);
    this.#arrivals.get(this.seen.length)?.();
    const step = this.script.length > 1 ? this.script.shift() : this.script[0];
    step?.(exchange);
  }

  #mint(exchange: Exchange): void {
    this.mints.push(exchange.body);
    const { user_id, session_id = "minted-session", tier, ttl = 3600 } = exchange.body;
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const payload = encode({ uid: user_id, sid: session_id, tier, nth: this.mints.length });
    const jwt = `${encode({ alg: "RS256" })}.${payload}.signature`;
    const expires_at = new Date(Date.now() + ttl * 1000).toISOString();
    const token = { jwt, access_token: jwt, token_type: "Bearer", project_id: "scripted" };
    exchange.json({ ...token, session_id, ttl, expires_in: ttl, expires_at, ...this.minted });
  }
}
