// The public API against a real gateway.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import {
  Behest,
  BehestAuthError,
  BehestBadRequestError,
  BehestConfigError,
  BehestError,
  decodeToken,
  detectMode,
  generateSessionId,
  meta,
  resolveConfig,
} from "@behest/client-ts";

import { type Gateway, start } from "../../tests/clients/node/gateway.js";

let gateway: Gateway;
let client: Behest;
before(async () => {
  gateway = await start();
  client = new Behest({ key: gateway.apiKey, baseUrl: gateway.baseURL });
});
after(async () => {
  await client?.close();
  await gateway?.stop();
});

const messages = [{ role: "user", content: "hello there" }];

test("a plain answer has text, tokens and a trace", async () => {
  const answer = await client.chat.completions.create({ model: "gemini-2.5-flash", messages }, { userId: "ada" });
  assert.match(answer.choices[0]?.message.content ?? "", /hello there/);
  assert.equal(answer.usage?.total_tokens, (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0));
  assert.match(meta(answer).traceId ?? "", /^[0-9a-f]{32}$/);
  assert.equal(meta(answer).model, answer.model);
});

test("a streamed answer joins to the plain one, and carries usage when asked", async () => {
  const plain = await client.chat.completions.create({ messages });
  const stream = await client.chat.completions.create({
    messages,
    stream: true,
    stream_options: { include_usage: true },
    user_id: "ada",
  });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, plain.choices[0]?.message.content);
  assert.deepEqual(usage?.completion_tokens, plain.usage?.completion_tokens);
});

test("`stream: false` and `stream: null` ask for a whole answer", async () => {
  for (const stream of [false, null]) {
    const answer = await client.chat.completions.create({ messages, stream });
    assert.ok("choices" in answer);
  }
});

test("tokens carry what was asked for, in either spelling", async () => {
  const minted = await client.auth.mint({ user_id: "ada", session_id: "tab-1", tier: 2, ttl: 900, tags: { team: "search" } });
  assert.equal(minted.sessionId, "tab-1");
  assert.equal(minted.ttl, 900);
  const { uid, sid, tier, role, tags, iat = 0, exp = 0 } = decodeToken(minted.token);
  assert.deepEqual([uid, sid, tier, role, tags, exp - iat], ["ada", "tab-1", 2, "user", { team: "search" }, 900]);
  assert.equal(Math.round(Date.parse(minted.expiresAt) / 1000), exp);
  const camel = await client.auth.mint({ userId: "bob", sessionId: "tab-2" });
  assert.deepEqual([decodeToken(camel.token).uid, camel.sessionId, camel.ttl], ["bob", "tab-2", 3600]);
  const plain = await client.auth.mint();
  assert.equal(decodeToken(plain.token).uid, "default");
});

test("each mint is a new token and a new session", async () => {
  const [one, two] = await Promise.all([client.auth.mint({ user_id: "ada" }), client.auth.mint({ user_id: "ada" })]);
  assert.notEqual(one.token, two.token);
  assert.notEqual(one.sessionId, two.sessionId);
});

test("a token of the caller's own is called with", async () => {
  const { token } = await client.auth.mint({ user_id: "carol" });
  const options = { token, threadId: "with-a-token" };
  await client.chat.completions.create({ messages }, options);
  assert.equal((await client.threads.list({ userId: "carol" }))[0]?.id, "with-a-token");
  await assert.rejects(client.models.list({ token: "not.a.token" }), BehestAuthError);
});

test("mint refuses what is none", async () => {
  await assert.rejects(client.auth.mint({ user_id: "ada", ttl: 59 }), BehestBadRequestError);
  await assert.rejects(client.auth.mint({ user_id: "admin" }), BehestBadRequestError);
  await assert.rejects(client.auth.mint({ user_id: "ada", role: "admin" }), BehestAuthError);
  await assert.rejects(client.auth.mint({ user: "ada" } as object), { name: "BehestBadRequestError", message: /user/ });
});

test("threads are listed, read and deleted, by their own user alone", async () => {
  const ada = { userId: "ada-of-threads" };
  for (const id of ["first", "second"]) await client.chat.completions.create({ messages, thread_id: id, user_id: ada.userId });
  const listed = await client.threads.list(ada);
  assert.deepEqual(listed.map(({ id }) => id), ["second", "first"]);
  assert.deepEqual((await client.threads.list({ ...ada, limit: 1 })).map(({ id }) => id), ["second"]);
  const before = listed[0]?.last_message_at;
  assert.deepEqual((await client.threads.list({ ...ada, before })).map(({ id }) => id), ["first"]);
  const thread = await client.threads.get("first", ada);
  assert.deepEqual([thread.title, thread.messages_count], ["hello there", 2]);
  const said = await client.threads.messages("first", ada);
  assert.deepEqual(said.map(({ role }) => role), ["user", "assistant"]);
  await assert.rejects(client.threads.get("first", { userId: "eve" }), { status: 404, code: "not_found" });
  assert.equal(await client.threads.delete("first", ada), undefined);
  await assert.rejects(client.threads.get("first", ada), (error) => error instanceof BehestError && error.status === 404);
});

test("a thread's memory comes back in the next call", async () => {
  const options = { userId: "ada-of-memory", threadId: "memory" };
  await client.chat.completions.create({ messages }, options);
  assert.equal(meta(await client.chat.completions.create({ messages }, options)).memory, 2);
});

test("usage is counted by user, and the API key sees the whole project", async () => {
  const userId = "ada-of-usage";
  await client.chat.completions.create({ messages, user_id: userId, session_id: "s-1" });
  const from = new Date(Date.now() - 3_600_000);
  const own = await client.usage.get({ from, to: new Date(Date.now() + 3_600_000), granularity: "minute" }, { userId });
  assert.equal(own.totals.requests, 1);
  assert.ok(own.breakdown[0]?.timestamp && own.totals.tokens > 0);
  assert.equal((await client.usage.get({ session_id: "s-1" }, { userId })).totals.requests, 1);
  assert.equal((await client.usage.get({ user_id: userId }, { asApiKey: true })).totals.requests, 1);
  assert.ok((await client.usage.get({}, { asApiKey: true })).totals.requests > 1);
  await assert.rejects(client.usage.get({ user_id: "bob" }, { userId }), { name: "BehestAuthError", status: 403 });
  const bill = await client.usage.billing({ from: from.toISOString() }, { asApiKey: true });
  assert.equal(bill.project_id, gateway.projectId);
  assert.ok(bill.platform.requests + bill.byok.requests > 0);
});

test("texts become vectors, for the user that either argument names", async () => {
  const user_id = "ada-of-vectors";
  const input = ["The sky is blue", "the SKY is blue"];
  const answer = await client.embeddings.create({ input, dimensions: 64, user_id });
  assert.deepEqual(answer.data.map(({ index, embedding }) => [index, embedding.length]), [[0, 64], [1, 64]]);
  assert.deepEqual(answer.data[0]?.embedding, answer.data[1]?.embedding);
  assert.equal(answer.usage?.prompt_tokens, 8);
  assert.equal(meta(answer).provider, "local");
  const encoded = await client.embeddings.create({ input: "a", encoding_format: "base64" }, { userId: user_id });
  assert.equal(Buffer.from(String(encoded.data[0]?.embedding), "base64").length, 4 * 256);
  assert.equal((await client.usage.get({}, { userId: user_id })).totals.requests, 2);
  await assert.rejects(client.embeddings.create({ input: [] }), (error) =>
    error instanceof BehestBadRequestError && error.param === "input");
});

test("models are listed and found, by either name", async () => {
  const models = await client.models.list();
  assert.equal(models.object, "list");
  assert.ok(models.data.some(({ id }) => id === "local/echo"));
  assert.deepEqual(await client.models.get("local/echo"), await client.models.retrieve("local/echo"));
  await assert.rejects(client.models.get(""), BehestBadRequestError);
});

test("what is said in the second argument wins, and what is undefined there says nothing", async () => {
  const params = { messages, user_id: "in-the-parameters", thread_id: "which" };
  await client.chat.completions.create(params, { userId: "in-the-options" });
  await client.chat.completions.create(params, { userId: undefined, threadId: undefined });
  for (const userId of ["in-the-options", "in-the-parameters"]) {
    assert.deepEqual((await client.threads.list({ userId })).map(({ id }) => id), ["which"]);
  }
});

test("headers of the client and of the call are sent", async () => {
  const mine = new Behest({
    key: gateway.apiKey,
    baseUrl: gateway.origin,
    defaultHeaders: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
  });
  assert.equal(meta(await mine.models.list()).traceId, "a".repeat(32));
  const headers = new Headers({ traceparent: `00-${"c".repeat(32)}-${"b".repeat(16)}-01` });
  assert.equal(meta(await mine.models.list({ headers })).traceId, "c".repeat(32));
  await assert.rejects(mine.models.list({ headers: { Authorization: "x" } }), BehestBadRequestError);
});

test("options of the wrong kind are refused by name, and their values are not repeated", async () => {
  const canary = "canary-in-an-option";
  const wrong: [object, RegExp][] = [
    [{ userId: { canary } }, /userId/],
    [{ timeout: -5 }, /timeout/],
    [{ maxRetries: canary }, /maxRetries/],
    [{ tags: { [canary]: 1 } }, /tags/],
  ];
  for (const [options, name] of wrong) {
    const error = await client.models.list(options).catch((error) => error);
    assert.ok(error instanceof BehestBadRequestError, String(error));
    assert.match(error.message, name);
    assert.match(error.param ?? "", name);
    assert.doesNotMatch(inspect(error), /canary/);
  }
});

test("a configuration that cannot work says what to do", () => {
  const refused = (init: object): BehestConfigError => {
    try {
      new Behest(init);
    } catch (error) {
      assert.ok(error instanceof BehestConfigError);
      assert.equal(error.status, undefined);
      return error;
    }
    throw new Error("it was taken");
  };
  assert.equal(refused({ key: "nonsense", baseUrl: gateway.origin }).code, "bad_key_format");
  assert.equal(refused({ key: "  ", baseUrl: gateway.origin }).code, "missing_env");
  assert.equal(refused({ key: gateway.apiKey, baseUrl: "nowhere" }).code, "bad_base_url");
  assert.match(refused({ fetch: globalThis.fetch }).message, /Behest\.local/);
  assert.match(refused({ baseURL: gateway.origin }).message, /did you mean `baseUrl`/);
  assert.match(refused({ colour: "red" }).message, /colour/);
  for (const [name, value] of Object.entries({ maxRetries: "many", defaultUserId: 5, timeout: NaN, ttl: Infinity })) {
    const { code, param, message } = refused({ key: gateway.apiKey, [name]: value });
    assert.deepEqual([code, param], ["bad_value", name]);
    assert.match(message, new RegExp(`^\`${name}\`: `));
  }
});

test("configuration resolves without showing the key", () => {
  const config = resolveConfig({ key: gateway.apiKey, baseUrl: `${gateway.origin}/v1/`, timeout: 1500, tier: "pro" });
  assert.deepEqual(
    [config.mode, config.baseUrl, config.timeout, config.tier, config.ttl, config.maxRetries, config.defaultUserId],
    ["apiKey", gateway.origin, 1500, "pro", 3600, 2, "default"],
  );
  assert.equal("key" in config, false);
  assert.deepEqual(client.config, resolveConfig({ key: gateway.apiKey, baseUrl: gateway.origin }));
  assert.equal(client.mode, "apiKey");
  assert.equal(detectMode(gateway.apiKey).mode, "apiKey");
  assert.throws(() => detectMode(""), { name: "BehestConfigError", code: "missing_env" });
});

test("nothing that is printed shows a key", async () => {
  const canary = gateway.apiKey.slice(-32);
  for (const shown of [inspect(client, { depth: 9, showHidden: true }), JSON.stringify(client), inspect(client.config)]) {
    assert.equal(shown.includes(canary), false);
  }
});

test("session ids are random UUIDs", () => {
  assert.match(generateSessionId(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(generateSessionId(), generateSessionId());
});

test("what is no token is not decoded", () => {
  for (const text of ["", "a.b", "a.b.c"]) assert.throws(() => decodeToken(text), { name: "BehestBadRequestError", param: "token" });
});

test("helpers refuse what is no text, and do not repeat it", () => {
  const canary: any = { secret: "canary-in-a-helper" };
  for (const helper of [detectMode, decodeToken]) {
    assert.throws(() => helper(canary), (error) => error instanceof BehestError && !/canary/.test(inspect(error)));
  }
});

test("numbers and dates that JSON does not know are refused, and nothing is sent", async () => {
  const refused = (param: string) => ({ name: "BehestBadRequestError", param });
  const none = new Date(NaN);
  await assert.rejects(client.models.list({ timeout: NaN }), refused("timeout"));
  await assert.rejects(client.models.list({ maxRetries: Infinity }), refused("maxRetries"));
  await assert.rejects(client.chat.completions.create({ messages, temperature: NaN }), refused("temperature"));
  await assert.rejects(client.chat.completions.create({ messages, max_tokens: Infinity }), refused("max_tokens"));
  await assert.rejects(client.usage.get({ from: none }), refused("from"));
  await assert.rejects(client.usage.billing({ to: none }), refused("to"));
  await assert.rejects(client.threads.list({ before: none }), refused("before"));
  await assert.rejects(client.threads.list({ limit: NaN }), refused("limit"));
  await assert.rejects(client.auth.mint({ ttl: NaN }), refused("ttl"));
});

test("a closed client makes no calls, and closes again", async () => {
  const mine = new Behest({ key: gateway.apiKey, baseUrl: gateway.origin });
  await mine.models.list();
  await mine.close();
  await mine.close();
  await assert.rejects(mine.models.list(), { name: "BehestError", code: "closed" });
  await assert.rejects(mine.chat.completions.create({ messages, stream: true }), { code: "closed" });
  await assert.rejects(mine.auth.mint(), { code: "closed" });
});

test("calls under way when a client is closed are answered", async () => {
  const mine = new Behest({ key: gateway.apiKey, baseUrl: gateway.origin });
  const stream = await mine.chat.completions.create({ messages, stream: true });
  const pending = mine.models.list();
  await mine.close();
  assert.ok((await pending).data.length > 0);
  let count = 0;
  for await (const _ of stream) count += 1;
  assert.ok(count > 1);
});
