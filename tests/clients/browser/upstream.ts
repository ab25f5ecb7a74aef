// A provider that speaks OpenAI's form and says what the test tells it to, when the test tells it to.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A call that has come and waits for its answer. */
export class Call {
  /** Resolves when the caller has gone before the answer's end. */
  readonly gone: Promise<void>;

  constructor(
    readonly body: any,
    private readonly response: ServerResponse,
  ) {
    this.gone = new Promise((resolve) => response.on("close", () => !response.writableFinished && resolve()));
    response.writeHead(200, { "Content-Type": "text/event-stream" });
  }

  /** Sends a piece of the answer. */
  say(content: string): void {
    this.send({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }

  /** Ends the answer as a whole one ends. */
  finish(): void {
    this.send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    this.send({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
    this.response.end("data: [DONE]\n\n");
  }

  /** Drops the connection in the middle of the answer. */
  breakOff(): void {
    this.response.destroy();
  }

  private send(event: object): void {
    const chunk = { id: "chunk", object: "chat.completion.chunk", created: 1, model: "scripted", ...event };
    this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}

export interface Upstream {
  /** Its base URL, for the gateway. */
  baseURL: string;
  /** The next call, as soon as it comes. */
  next(): Promise<Call>;
  /** How many calls have come. */
  count(): number;
  close(): void;
}

/** Listens on loopback. */
export async function startUpstream(): Promise<Upstream> {
  const waiting: Call[] = [];
  const takers: ((call: Call) => void)[] = [];
  let count = 0;
  const server = createServer(async (request, response) => {
    const call = new Call(JSON.parse(await text(request)), response);
    count += 1;
    const taker = takers.shift();
    if (taker) taker(call);
    else waiting.push(call);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    next: () => {
      const call = waiting.shift();
      return call ? Promise.resolve(call) : new Promise((resolve) => takers.push(resolve));
    },
    count: () => count,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function text(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  return text;
}
