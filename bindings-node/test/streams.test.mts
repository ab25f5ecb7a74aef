// Every way to leave a streamed answer closes its request at the gateway.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, before, beforeEach, test } from "node:test";

import { Behest, BehestError, BehestQuotaError, BehestServerError, type ChatCompletionStream, meta } from "@behest/client-ts";

import { type Exchange, KEY, Scripted } from "./scripted.mjs";

let server: Scripted;
let client: Behest;
before(async () => {
  server = await Scripted.start();
  client = new Behest({ key: KEY, baseUrl: server.origin });
});
after(async () => {
  await client?.close();
  await server?.close();
});

const messages = [{ role: "user", content: "hello" }];
const hello = { messages, stream: true } as const;
/** Begins an answer, and never completes it. */
const begin = (exchange: Exchange): Promise<void> => exchange.pieces("one");
beforeEach(() => server.follow(begin));

const text = (chunk: { choices: { delta: { content?: string | null } }[] } | undefined): string =>
  chunk?.choices[0]?.delta.content ?? "";

async function collect(stream: ChatCompletionStream): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of stream) texts.push(text(chunk));
  return texts;
}

/** Waits until the only request of a test was given up by the client. */
const abandoned = async (): Promise<void> => (await server.arrival()).abandoned;

test("chunks come in order, one object each, and the stream tells its trace", async () => {
  server.follow(async (exchange) => {
    await exchange.pieces("a", "b", "c");
    exchange.done();
  });
  const stream = await client.chat.completions.create(hello);
  assert.equal(stream.meta.traceId, "trace-of-the-stream");
  assert.deepEqual(await collect(stream), ["a", "b", "c"]);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test("unknown fields of a chunk are kept, and line breaks in its text", async () => {
  server.follow(async (exchange) => {
    await exchange.event({ choices: [{ index: 0, delta: { content: "a\nb ü\u2028", thought: [1] } }], extra: { deep: null } });
    exchange.done();
  });
  const stream = await client.chat.completions.create(hello);
  const { value } = await stream.next();
  assert.deepEqual(value, { choices: [{ index: 0, delta: { content: "a\nb ü\u2028", thought: [1] } }], extra: { deep: null } });
});

test("calls of `next` that wait together get chunks in order", async () => {
  const gates: (() => void)[] = [];
  server.follow(async (exchange) => {
    for (const piece of ["a", "b", "c"]) {
      await new Promise<void>((open) => gates.push(open));
      await exchange.pieces(piece);
    }
    exchange.done();
  }, begin);
  const pending = client.chat.completions.create(hello);
  const exchange = await server.arrival();
  await exchange.pieces("0");
  const stream = await pending;
  assert.equal(text((await stream.next()).value), "0");
  const waiting = [stream.next(), stream.next(), stream.next(), stream.next()];
  for (const index of [0, 1, 2]) {
    gates[index]?.();
    assert.equal(text((await waiting[index])?.value), "abc"[index]);
  }
  assert.deepEqual(await waiting[3], { done: true, value: undefined });
});

test("break closes the request", async () => {
  for await (const chunk of await client.chat.completions.create(hello)) {
    assert.equal(text(chunk), "one");
    break;
  }
  await abandoned();
});

test("return closes the request", async () => {
  const first = async (): Promise<string> => {
    for await (const chunk of await client.chat.completions.create(hello)) return text(chunk);
    return "";
  };
  assert.equal(await first(), "one");
  await abandoned();
});

test("throw closes the request, and the error goes on", async () => {
  const fails = async (): Promise<void> => {
    for await (const _ of await client.chat.completions.create(hello)) throw new RangeError("mine");
  };
  await assert.rejects(fails, new RangeError("mine"));
  await abandoned();
});

test("close closes the request while a chunk is waited for, and ends the loop", async () => {
  const stream = await client.chat.completions.create(hello);
  await stream.next();
  const waiting = stream.next();
  stream.close();
  stream.close();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  await abandoned();
});

test("the controller that programs for OpenAI's package know closes the request", async () => {
  const stream = await client.chat.completions.create(hello);
  await stream.next();
  stream.controller.abort();
  assert.deepEqual(await collect(stream), []);
  await abandoned();
});

test("leaving `await using` closes the request", async () => {
  {
    await using stream = await client.chat.completions.create(hello);
    assert.equal(text((await stream.next()).value), "one");
  }
  await abandoned();
});

test("a signal aborted before the call sends nothing, and rejects with its reason", async () => {
  const reason = new Error("too late");
  await assert.rejects(client.chat.completions.create({ ...hello, signal: AbortSignal.abort(reason) }), reason);
  await assert.rejects(client.chat.completions.create({ messages }, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(server.seen.length, 0);
});

test("a signal ends the wait for a token", async () => {
  const controller = new AbortController();
  const pending = client.auth.mint({ user_id: "ada", signal: controller.signal });
  controller.abort();
  await assert.rejects(pending, { name: "AbortError" });
});

test("a call that cannot begin leaves nothing on its signal", async () => {
  const { signal } = new AbortController();
  const closed = new Behest({ key: KEY, baseUrl: server.origin });
  await closed.close();
  await assert.rejects(closed.models.list({ signal }), { code: "closed" });
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a signal aborted before the answer begins closes the request, and rejects with an AbortError", async () => {
  server.follow(() => {});
  const controller = new AbortController();
  const pending = client.chat.completions.create(hello, { signal: controller.signal });
  await server.arrival();
  controller.abort();
  await assert.rejects(pending, { name: "AbortError" });
  await abandoned();
});

test("a signal aborted while chunks come closes the request, and the loop throws its reason, once", async () => {
  const controller = new AbortController();
  const stream = await client.chat.completions.create({ ...hello, signal: controller.signal });
  await assert.rejects(
    async () => {
      for await (const _ of stream) controller.abort();
    },
    (error) => error === controller.signal.reason && !(error instanceof BehestError),
  );
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  await abandoned();
});

test("a signal aborts the wait for a chunk", async () => {
  const controller = new AbortController();
  const stream = await client.chat.completions.create(hello, { signal: controller.signal });
  await stream.next();
  const waiting = stream.next();
  controller.abort("enough");
  await assert.rejects(waiting, (reason) => reason === "enough");
  await abandoned();
});

test("a signal aborted after the end does nothing", async () => {
  server.follow(async (exchange) => {
    await exchange.pieces("a");
    exchange.done();
  });
  const controller = new AbortController();
  const stream = await client.chat.completions.create(hello, { signal: controller.signal });
  assert.deepEqual(await collect(stream), ["a"]);
  controller.abort();
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test("a plain call's signal closes its request", async () => {
  server.follow(() => {});
  const controller = new AbortController();
  const pending = client.chat.completions.create({ messages, signal: controller.signal });
  await server.arrival();
  controller.abort();
  await assert.rejects(pending, { name: "AbortError" });
  await abandoned();
});

test("an abandoned stream is closed by the garbage collector, with and without a signal that lives on", async () => {
  const controller = new AbortController();
  for (const signal of [undefined, controller.signal]) {
    server.follow(begin);
    // In a function of its own, so that nothing on this stack holds the stream.
    await (async () => {
      await (await client.chat.completions.create({ ...hello, signal })).next();
    })();
    const gone = abandoned();
    let closed = false;
    void gone.then(() => (closed = true));
    while (!closed) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

test("a readable stream carries the chunks as lines of JSON", async () => {
  server.follow(async (exchange) => {
    await exchange.pieces("a\n", "b");
    exchange.done();
  });
  const stream = await client.chat.completions.create(hello);
  const lines = (await new Response(stream.toReadableStream()).text()).split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(lines.map((line) => text(JSON.parse(line))), ["a\n", "b"]);
});

test("cancelling a readable stream closes the request", async () => {
  const reader = (await client.chat.completions.create(hello)).toReadableStream().getReader();
  await reader.read();
  await reader.cancel();
  await abandoned();
});

test("what fails in mid-stream is thrown once, after the chunks that came, and is not tried again", async () => {
  server.follow(async (exchange) => {
    await exchange.pieces("one", "two");
    await exchange.event({ error: { code: "budget_exceeded", message: "the budget is used up" } });
    exchange.end();
  });
  const stream = await client.chat.completions.create(hello);
  const texts: string[] = [];
  await assert.rejects(
    async () => {
      for await (const chunk of stream) texts.push(text(chunk));
    },
    (error) => error instanceof BehestQuotaError && error.code === "budget_exceeded" && error.traceId === "trace-of-the-stream",
  );
  assert.deepEqual(texts, ["one", "two"]);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  assert.equal(server.seen.length, 1);
});

for (const [how, cut] of Object.entries({ ends: "end", resets: "reset" } as const)) {
  test(`a connection that ${how} in mid-stream is an error, and no text is streamed twice`, async () => {
    let cutNow = (): void => {};
    server.follow(async (exchange) => {
      await exchange.pieces("one");
      cutNow = () => exchange[cut]();
    });
    const stream = await client.chat.completions.create(hello);
    assert.equal(text((await stream.next()).value), "one");
    cutNow();
    await assert.rejects(stream.next(), (error) => error instanceof BehestServerError && error.code === "stream_incomplete");
    assert.equal(server.seen.length, 1);
  });
}

test("an event that is no JSON ends the stream with an error", async () => {
  server.follow(async (exchange) => {
    await exchange.pieces("one");
    await exchange.event(undefined);
    exchange.done();
  });
  const stream = await client.chat.completions.create(hello);
  await assert.rejects(collect(stream), { name: "BehestServerError", code: "stream_parse_error" });
});

test("an answer tells what its headers say, and stays plain JSON", async () => {
  const headers = { "X-Trace-Id": "trace", "X-Behest-Cost-Usd": "0.25", "X-Behest-Provider": "scripted" };
  server.follow((exchange) => exchange.json({ id: "1", choices: [], extra: [1] }, 200, headers));
  const answer = await client.chat.completions.create({ messages });
  assert.deepEqual(answer, { id: "1", choices: [], extra: [1] });
  const { traceId, costUsd, provider } = meta(answer);
  assert.deepEqual([traceId, costUsd, provider], ["trace", 0.25, "scripted"]);
  assert.deepEqual(meta({}), {});
});
