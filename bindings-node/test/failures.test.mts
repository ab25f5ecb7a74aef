// What goes wrong: what is tried again, what is not, and what error comes of it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  Behest,
  BehestAuthError,
  BehestBadRequestError,
  BehestBlockedError,
  BehestConfigError,
  BehestError,
  BehestQuotaError,
  BehestRateLimitError,
  BehestServerError,
  classifyHttpError,
} from "@behest/client-ts";

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
const answer = (exchange: Exchange): void => exchange.answer("hi");
const refuse = (status: number, code: string, headers = {}) => (exchange: Exchange) => exchange.refuse(status, code, headers);
const soon = { "Retry-After": "0" };

test("failures are tried again, with one key for all tries of a call", async () => {
  server.follow(refuse(503, "unavailable", soon), refuse(429, "rate_limited", soon), answer);
  assert.equal((await client.chat.completions.create({ messages })).choices[0]?.message.content, "hi");
  assert.equal(server.seen.length, 3);
  assert.equal(new Set(server.seen.map((exchange) => exchange.headers["idempotency-key"])).size, 1);
});

test("a stream that fails before its first byte is tried again", async () => {
  server.follow(refuse(503, "unavailable", soon), async (exchange) => {
    await exchange.pieces("one");
    exchange.done();
  });
  const stream = await client.chat.completions.create({ messages, stream: true });
  assert.equal((await stream.next()).value?.choices[0]?.delta.content, "one");
  assert.equal(server.seen.length, 2);
});

test("a reset connection is tried again, and is a server error when that does not help", async () => {
  server.follow((exchange) => exchange.reset(), answer);
  await client.chat.completions.create({ messages });
  assert.equal(server.seen.length, 2);
  server.follow((exchange) => exchange.reset());
  await assert.rejects(client.chat.completions.create({ messages, max_retries: 1 }), {
    name: "BehestServerError",
    code: "network_error",
    status: 500,
  });
  assert.equal(server.seen.length, 2);
});

test("how often to try is said by the call, else by the client", async () => {
  server.follow(refuse(503, "unavailable", soon));
  await assert.rejects(client.chat.completions.create({ messages }, { maxRetries: 0 }), { status: 503 });
  assert.equal(server.seen.length, 1);
  const eager = new Behest({ key: KEY, baseUrl: server.origin, maxRetries: 4 });
  server.follow(refuse(503, "unavailable", soon));
  await assert.rejects(eager.chat.completions.create({ messages }), { status: 503 });
  assert.equal(server.seen.length, 5);
});

test("a gateway that forbids another try is obeyed", async () => {
  server.follow(refuse(503, "unavailable", { "x-should-retry": "false" }));
  await assert.rejects(client.chat.completions.create({ messages }), { status: 503 });
  assert.equal(server.seen.length, 1);
});

test("a longer wait than the call has left is an error now, and tells how long", async () => {
  server.follow(refuse(429, "rate_limited", { "Retry-After": "3600" }));
  await assert.rejects(client.chat.completions.create({ messages, timeout: 5000 }), (error) => {
    return error instanceof BehestRateLimitError && error.retryAfter === 3600;
  });
  assert.equal(server.seen.length, 1);
});

test("a call that takes too long is given up at the gateway", async () => {
  server.follow(() => {});
  await assert.rejects(client.chat.completions.create({ messages }, { timeout: 50 }), {
    name: "BehestServerError",
    code: "timeout",
  });
  await (await server.arrival()).abandoned;
});

test("a token that is refused in the middle is replaced once, and the call tried once more", async () => {
  server.follow(answer, refuse(401, "token_expired"), answer);
  await client.chat.completions.create({ messages, user_id: "in-the-middle" });
  await client.chat.completions.create({ messages, user_id: "in-the-middle" });
  assert.equal(server.mints.length, 2);
  assert.equal(server.seen.length, 3);
  server.follow(refuse(401, "invalid_token"));
  await assert.rejects(client.chat.completions.create({ messages, user_id: "in-the-middle" }), BehestAuthError);
  assert.deepEqual([server.mints.length, server.seen.length], [1, 2]);
});

test("a token of the caller's own is not replaced", async () => {
  server.follow(refuse(401, "token_expired"));
  await assert.rejects(client.chat.completions.create({ messages, token: "a.b.c" }), { status: 401, code: "token_expired" });
  assert.deepEqual([server.mints.length, server.seen.length], [0, 1]);
  assert.equal(server.seen[0]?.headers.authorization, "Bearer a.b.c");
});

for (const [way, hours] of Object.entries({ "is behind": 24, "runs ahead": -24 })) {
  test(`a clock that ${way} changes nothing for tokens`, async () => {
    server.follow(answer);
    server.minted = { expires_at: new Date(Date.now() + hours * 3_600_000).toISOString() };
    const user_id = `a clock that ${way}`;
    await client.chat.completions.create({ messages, user_id });
    await client.chat.completions.create({ messages, user_id });
    assert.equal(server.mints.length, 1);
  });
}

const table = [
  [400, "validation_error", BehestBadRequestError],
  [401, "missing_credentials", BehestAuthError],
  [402, "quota_exceeded", BehestQuotaError],
  [403, "killed", BehestAuthError],
  [404, "not_found", BehestError],
  [422, "provider_not_configured", BehestBadRequestError],
  [429, "rate_limited", BehestRateLimitError],
  [451, "pii_blocked", BehestBlockedError],
  [500, "server_error", BehestServerError],
  [502, "upstream_error", BehestServerError],
] as const;
for (const [status, code, kind] of table) {
  test(`${status} ${code} is a ${kind.name}`, async () => {
    server.follow((exchange) => {
      exchange.refuse(status, code, { "X-Trace-Id": "t-1" }, { param: "messages", details: { scope: "user", limit: 3 } });
    });
    const refusal = await client.chat.completions.create({ messages }, { maxRetries: 0 }).catch((error) => error);
    assert.equal(refusal.constructor, kind);
    assert.ok(refusal instanceof kind && refusal instanceof BehestError && refusal instanceof Error);
    assert.equal(refusal.name, kind.name);
    const { message, traceId, param, details, raw } = refusal;
    assert.deepEqual([refusal.status, refusal.code, message, traceId, param], [status, code, `refused: ${code}`, "t-1", "messages"]);
    assert.deepEqual(details, { scope: "user", limit: 3 });
    assert.deepEqual((raw as any).error.code, code);
    assert.equal(refusal instanceof BehestConfigError, false);
  });
}

test("an error's stack names who waited for the call", async () => {
  server.follow(refuse(404, "not_found"));
  async function whoWaits(): Promise<void> {
    await client.threads.get("gone");
  }
  const error = await whoWaits().catch((error) => error);
  assert.match(error.stack, /whoWaits/);
});

test("classes have the published defaults", () => {
  const found = [BehestAuthError, BehestQuotaError, BehestRateLimitError, BehestBadRequestError, BehestServerError].map(
    (kind) => [new kind("m").status, new kind("m").code],
  );
  assert.deepEqual(found, [
    [401, "invalid_token"],
    [402, "quota_exceeded"],
    [429, "rate_limited"],
    [400, "validation_error"],
    [500, "server_error"],
  ]);
  assert.deepEqual([new BehestConfigError("m").status, new BehestConfigError("m").code], [undefined, "bad_key_format"]);
  assert.equal(new BehestRateLimitError("m", { retryAfter: 7 }).retryAfter, 7);
  assert.equal(new BehestError("m", { cause: "c" }).cause, "c");
});

test("instanceof holds for classes that a program derives, and for nothing else", () => {
  class Mine extends BehestAuthError {}
  assert.ok(new Mine("m") instanceof Mine && new Mine("m") instanceof BehestAuthError && new Mine("m") instanceof BehestError);
  assert.equal((new BehestAuthError("m") as unknown) instanceof Mine, false);
  for (const other of [null, undefined, 1, "x", {}, new Error("m")]) assert.equal((other as any) instanceof BehestError, false);
});

test("an answer of `fetch` is classified as the client would", () => {
  const body = { error: { code: "rate_limited", message: "slow down" } };
  const headers = new Headers({ "Retry-After": "7", "X-Trace-Id": "t" });
  const error = classifyHttpError({ status: 429, headers, body });
  assert.ok(error instanceof BehestRateLimitError);
  assert.deepEqual([error.retryAfter, error.traceId, error.message, error.raw], [7, "t", "slow down", body]);
  assert.ok(classifyHttpError({ status: 403, headers: { "x-trace-id": "t" } }) instanceof BehestAuthError);
  assert.equal(classifyHttpError({ status: 403 }).code, "forbidden");
  assert.equal(classifyHttpError({ status: 502, body: "<html>" }).raw, "<html>");
  const busy = classifyHttpError({ status: 503, headers: { "Retry-After": "7" } });
  assert.ok(busy instanceof BehestServerError && busy.retryAfter === 7);
  for (const status of [99999, -1, 1.5, NaN, "secret"] as number[]) {
    assert.throws(() => classifyHttpError({ status }), (error) => {
      return error instanceof BehestBadRequestError && error.param === "status" && !/99999|secret/.test(error.message);
    });
  }
});
