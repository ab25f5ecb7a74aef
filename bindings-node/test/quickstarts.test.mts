// What programs written for the published SDK do: the tasks of its README and quickstarts, in our own words.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import {
  Behest,
  BehestAuthError,
  BehestBadRequestError,
  BehestConfigError,
  BehestQuotaError,
  BehestRateLimitError,
  BehestServerError,
  decodeToken,
  detectMode,
} from "@behest/client-ts";
import express from "express";
import OpenAI from "openai";

import { type Gateway, start } from "../../tests/clients/node/gateway.js";
import { forms, signingKey } from "./keys.mjs";

let gateway: Gateway;
before(async () => {
  gateway = await start();
  process.env.BEHEST_KEY = gateway.apiKey;
  process.env.BEHEST_BASE_URL = gateway.origin;
});
after(async () => {
  delete process.env.BEHEST_KEY;
  delete process.env.BEHEST_BASE_URL;
  await gateway?.stop();
});

const messages = [{ role: "user" as const, content: "Hi!" }];

test("everything comes from the environment: mint, then chat", async () => {
  const behest = new Behest();
  const { token, sessionId } = await behest.auth.mint({ user_id: "u_42" });
  assert.equal(decodeToken(token).sid, sessionId);
  const answer = await behest.chat.completions.create({ messages });
  assert.match(answer.choices[0]?.message.content ?? "", /Hi!/);
});

test("a call names its user, and needs no mint before it", async () => {
  const behest = new Behest();
  const answer = await behest.chat.completions.create({ messages, user_id: "u_42", session_id: "s_1" });
  assert.ok(answer.choices[0]?.message.content);
});

test("a streamed answer is printed as it comes, and cancelled by a signal in the second argument", async () => {
  const behest = new Behest();
  let printed = "";
  const stream = await behest.chat.completions.create({ messages, stream: true, user_id: "u_42" });
  for await (const chunk of stream) printed += chunk.choices[0]?.delta?.content ?? "";
  assert.match(printed, /Hi!/);

  const controller = new AbortController();
  const stopped = await behest.chat.completions.create({ messages, stream: true }, { signal: controller.signal });
  await stopped.next();
  controller.abort();
  await assert.rejects(stopped.next(), { name: "AbortError" });
});

test("threads are listed, read and deleted", async () => {
  const behest = new Behest();
  await behest.chat.completions.create({ messages, thread_id: "thread-1" });
  const listed = await behest.threads.list();
  assert.deepEqual(listed.map(({ id }) => id), ["thread-1"]);
  assert.equal((await behest.threads.get("thread-1")).id, "thread-1");
  assert.equal((await behest.threads.messages("thread-1")).length, 2);
  await behest.threads.delete("thread-1");
  assert.deepEqual(await behest.threads.list(), []);
});

test("usage of the last day is reported by the hour", async () => {
  const behest = new Behest();
  await behest.chat.completions.create({ messages });
  const from = new Date(Date.now() - 24 * 60 * 60 * 1000);
  const report = await behest.usage.get({ from, to: new Date(Date.now() + 60_000), granularity: "hour" });
  assert.ok(report.totals.tokens > 0);
  assert.ok(report.breakdown.every(({ timestamp, tokens, cost_usd }) => timestamp && tokens > 0 && cost_usd === 0));
});

test("errors are told apart by their class", async () => {
  const behest = new Behest();
  const kind = async (call: Promise<unknown>): Promise<string> => {
    try {
      await call;
      return "none";
    } catch (error) {
      if (error instanceof BehestRateLimitError) return `wait ${error.retryAfter}`;
      if (error instanceof BehestQuotaError) return "upgrade";
      if (error instanceof BehestAuthError) return `auth ${error.status}`;
      if (error instanceof BehestBadRequestError) return `request ${error.code}`;
      if (error instanceof BehestServerError) return `server ${error.code}`;
      throw error;
    }
  };
  assert.equal(await kind(behest.chat.completions.create({ messages })), "none");
  assert.equal(await kind(behest.chat.completions.create({ messages, token: "a.b.c" })), "auth 401");
  assert.equal(await kind(behest.chat.completions.create({ messages: [] })), "request validation_error");
  const nowhere = new Behest({ baseUrl: "http://127.0.0.1:9", maxRetries: 0 });
  assert.equal(await kind(nowhere.chat.completions.create({ messages, token: "a.b.c" })), "server network_error");
});

test("tokens are signed here with each form of the key, and the gateway takes them", async () => {
  const { privateKeyPem, keyId: kid, tenantId, projectId } = await signingKey(gateway);
  for (const [form, key] of Object.entries(forms(privateKeyPem))) {
    assert.equal(detectMode(key).mode, "sign", form);
    const behest = new Behest({ key, kid, tenantId, projectId });
    assert.equal(behest.mode, "sign");
    const { token, sessionId, ttl } = await behest.auth.mint({ user_id: "u_42", tier: 2 });
    const claims = decodeToken(token);
    const names = ["tid", "pid", "uid", "role", "scp", "iss", "aud", "iat", "nbf", "exp", "jti", "sid", "tier"];
    assert.deepEqual(Object.keys(claims), names);
    assert.deepEqual([claims.uid, claims.sid, claims.tier, ttl], ["u_42", sessionId, 2, 3600]);
    const answer = await behest.chat.completions.create({ messages, user_id: "u_42" });
    assert.match(answer.choices[0]?.message.content ?? "", /Hi!/, form);
  }
});

test("sign mode comes from the environment, and says what is missing there", async () => {
  const { privateKeyPem, keyId, tenantId, projectId } = await signingKey(gateway);
  process.env.BEHEST_KEY = privateKeyPem;
  try {
    assert.throws(() => new Behest(), (error) => {
      return error instanceof BehestConfigError && error.code === "missing_env" && /BEHEST_KID.*BEHEST_TENANT_ID.*BEHEST_PROJECT_ID/.test(error.message);
    });
    Object.assign(process.env, { BEHEST_KID: keyId, BEHEST_TENANT_ID: tenantId, BEHEST_PROJECT_ID: projectId, BEHEST_TTL: "900" });
    const behest = new Behest();
    assert.deepEqual([behest.mode, behest.config.ttl, behest.config.kid], ["sign", 900, keyId]);
    assert.equal((await behest.auth.mint({ user_id: "u_42" })).ttl, 900);
  } finally {
    for (const name of ["KID", "TENANT_ID", "PROJECT_ID", "TTL"]) delete process.env[`BEHEST_${name}`];
    process.env.BEHEST_KEY = gateway.apiKey;
  }
});

test("an Express route hands tokens to a page, which calls the gateway itself", async () => {
  const behest = new Behest();
  const app = express();
  const people: Record<string, { id: string; tier: number }> = { "cookie-of-ada": { id: "ada", tier: 2 } };
  app.post("/api/behest/token", async (request, response) => {
    // Who it is comes from the login, and from nothing that the page says.
    const person = people[request.get("cookie") ?? ""];
    if (!person) return void response.sendStatus(401);
    response.json(await behest.auth.mint({ user_id: person.id, tier: person.tier, ttl: 900 }));
  });
  const server = app.listen(0);
  await once(server, "listening");
  try {
    const route = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/behest/token`;
    assert.equal((await fetch(route, { method: "POST" })).status, 401);
    const answer = await fetch(route, { method: "POST", headers: { Cookie: "cookie-of-ada" } });
    const { token, ttl, sessionId, expiresAt } = (await answer.json()) as Record<string, string>;
    assert.deepEqual([ttl, decodeToken(token ?? "").uid, decodeToken(token ?? "").tier], [900, "ada", 2]);
    assert.ok(Date.parse(expiresAt ?? "") > Date.now());
    const page = new OpenAI({ apiKey: token, baseURL: gateway.baseURL, defaultHeaders: { "X-Session-Id": sessionId } });
    const said = await page.chat.completions.create({ model: "gemini-2.5-flash", messages });
    assert.match(said.choices[0]?.message.content ?? "", /Hi!/);
  } finally {
    server.close();
  }
});
