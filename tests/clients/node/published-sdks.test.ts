// What programs written against the published SDKs rely on, call by call, as those SDKs make and read them.
import assert from "node:assert/strict";
import { createSign, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { type Gateway, start } from "./gateway.js";

let gateway: Gateway;
before(async () => {
  gateway = await start();
});
after(() => gateway?.stop());

interface Minted {
  jwt: string;
  access_token: string;
  session_id: string;
  ttl: number;
  expires_in: number;
  expires_at: string;
}

const PATHS = ["/v1/auth/mint", "/auth/v1/auth/mint"];

function post(path: string, credential: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(gateway.origin + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${credential}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function mint(body: unknown, path = PATHS[0] as string): Promise<Minted> {
  const answer = await post(path, gateway.apiKey, body);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Minted;
}

/** The SDKs' `decodeToken`: the payload, unverified. */
function decode(token: string): Record<string, unknown> {
  const parts = token.split(".");
  assert.equal(parts.length, 3);
  return JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString());
}

/** The SDKs' stream parser: events end at LF LF, data lines join by LF, comments are passed over. */
function parse(text: string): string[] {
  return text.split("\n\n").flatMap((event) => {
    const data = event.split("\n").filter((line) => line.startsWith("data:"));
    return data.length ? [data.map((line) => line.slice(5).trimStart()).join("\n")] : [];
  });
}

const hello = { model: "gemini-2.5-flash", messages: [{ role: "user", content: "hello there" }], max_tokens: 256 };

for (const path of PATHS) {
  test(`${path} takes what the SDKs send and answers what they read`, async () => {
    const asked = { user_id: "ada@example.com", session_id: "tab-1", tier: 2, ttl: 900, role: "user" };
    const minted = await mint(asked, path);
    assert.equal(minted.jwt, minted.access_token);
    assert.equal(minted.session_id, "tab-1");
    assert.equal(minted.ttl, 900);
    assert.equal(minted.expires_in, 900);
    const { iat, exp, ...claims } = decode(minted.jwt) as { iat: number; exp: number };
    assert.equal(exp - iat, 900);
    assert.equal(Math.round(Date.parse(minted.expires_at) / 1000), exp);
    assert.equal((await post("/v1/chat/completions", minted.jwt, hello)).status, 200, JSON.stringify(claims));
  });

  test(`${path} reads null as unset and makes a session of its own`, async () => {
    const asked = { user_id: "ada", session_id: null, tier: null, ttl: null, role: null, tags: null };
    const [first, second] = [await mint(asked, path), await mint(asked, path)];
    assert.equal(first.ttl, 3600);
    assert.ok(first.session_id);
    assert.notEqual(first.session_id, second.session_id);
    assert.equal("tier" in decode(first.jwt), false);
  });

  test(`${path} reads the legacy role as user, and grants none above the key's own`, async () => {
    assert.equal(decode((await mint({ user_id: "ada", role: "regular" }, path)).jwt).role, "user");
    assert.equal((await post(path, gateway.apiKey, { user_id: "ada", role: "admin" })).status, 403);
    assert.equal((await post(path, gateway.apiKey, { user_id: "ada", role: "emperor" })).status, 400);
  });

  test(`${path} refuses lifetimes outside of a minute and a day`, async () => {
    for (const ttl of [59, 86_401]) assert.equal((await post(path, gateway.apiKey, { user_id: "ada", ttl })).status, 400);
    for (const ttl of [60, 86_400]) assert.equal((await mint({ user_id: "ada", ttl }, path)).ttl, ttl);
  });

  test(`${path} takes an API key and nothing else`, async () => {
    const { jwt } = await mint({ user_id: "ada" }, path);
    for (const credential of [jwt, `behest_sk_live_${"0".repeat(32)}`]) {
      assert.equal((await post(path, credential, { user_id: "ada" })).status, 401);
    }
  });
}

test("the claims of a minted token come in the published order", async () => {
  const { jwt } = await mint({ user_id: "ada", tier: "pro", tags: { team: "search" } });
  const claims = decode(jwt);
  const order = ["tid", "pid", "uid", "role", "scp", "iss", "aud", "iat", "nbf", "exp", "jti", "sid", "tier", "tags"];
  assert.deepEqual(Object.keys(claims), order);
  assert.deepEqual(claims.scp, []);
  assert.equal(claims.nbf, claims.iat);
  assert.equal(claims.aud, "behest");
  const header = JSON.parse(Buffer.from(jwt.split(".")[0] ?? "", "base64url").toString());
  assert.deepEqual({ ...header, kid: typeof header.kid }, { alg: "RS256", typ: "JWT", kid: "string" });
});

/** Signs as the SDKs' sign mode does. */
function sign(kid: string, pem: string, claims: Record<string, unknown>): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg: "RS256", typ: "JWT", kid })}.${encode(claims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(pem, "base64url")}`;
}

/** Calls the control plane as the operator. */
function control(method: string, path: string): Promise<Response> {
  return fetch(gateway.origin + path, { method, headers: { "X-Admin-Secret": gateway.adminSecret } });
}

test("tokens that the SDKs sign locally are taken for end users until their key is revoked", async () => {
  const keys = `/v1/tenants/${gateway.tenantId}/signing-keys`;
  const made = await control("POST", keys);
  assert.equal(made.status, 201, await made.clone().text());
  const { kid, private_key_pem: pem } = (await made.json()) as { kid: string; private_key_pem: string };
  // The legacy signers ask for this form.
  assert.match(kid, /^sk_[0-9a-f]{32}$/);

  const iat = Math.floor(Date.now() / 1000);
  const scope = { tid: gateway.tenantId, pid: gateway.projectId, uid: "ada" };
  const times = { aud: "behest", iat, nbf: iat, exp: iat + 300 };
  const legacy = sign(kid, pem, { ...scope, iss: "behest", ...times });
  const current = sign(kid, pem, {
    ...scope,
    role: "admin",
    scp: [],
    iss: "https://api.behest.ai",
    ...times,
    jti: randomUUID(),
    sid: randomUUID(),
    tier: 2,
  });
  for (const token of [legacy, current]) {
    assert.equal((await post("/v1/chat/completions", token, hello)).status, 200);
  }
  // Whatever role the claim tells, a tenant's key speaks for end users only.
  const headers = { Authorization: `Bearer ${current}` };
  assert.equal((await fetch(`${gateway.origin}/v1/projects`, { headers })).status, 403);
  const published = (await (await fetch(`${gateway.origin}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
  assert.ok(published.keys.some((key) => key.kid === kid));

  assert.equal((await control("DELETE", `${keys}/${kid}`)).status, 204);
  for (const token of [legacy, current]) {
    const refused = await post("/v1/chat/completions", token, hello);
    assert.equal(refused.status, 401);
    assert.equal(((await refused.json()) as { code: string }).code, "invalid_token");
  }
});

test("a stream is what the SDKs' parsers split: LF LF after every event, JSON in each, [DONE] last", async () => {
  const plain = (await (await post("/v1/chat/completions", gateway.apiKey, hello)).json()) as any;
  const answer = await post("/v1/chat/completions", gateway.apiKey, { ...hello, stream: true });
  assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
  const text = await answer.text();
  assert.doesNotMatch(text, /\r/);
  // The Python parser drops a last event without its blank line.
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  const events = parse(text);
  assert.equal(events.pop(), "[DONE]");
  const choices = events.map((event) => JSON.parse(event).choices[0]);
  assert.equal(choices.map((choice) => choice.delta.content ?? "").join(""), plain.choices[0].message.content);
  assert.equal(choices.at(-1).finish_reason, "stop");
  assert.ok(choices.slice(0, -1).every((choice) => choice.finish_reason === null));
});

test("an error before a stream is an HTTP status with JSON", async () => {
  const answer = await post("/v1/chat/completions", "nobody", { ...hello, stream: true });
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
});

test("every refusal has what the classifiers and the legacy parser read", async () => {
  const user = (await mint({ user_id: "ada" })).jwt;
  const get = (path: string, credential: string, headers: Record<string, string> = {}) =>
    fetch(gateway.origin + path, { headers: { Authorization: `Bearer ${credential}`, ...headers } });
  const refusals: [number, string, Response][] = [
    [400, "validation_error", await post("/v1/chat/completions", user, { messages: 5 })],
    [400, "validation_error", await post("/v1/auth/mint", gateway.apiKey, { user_id: "admin" })],
    [401, "invalid_token", await get("/v1/models", "a.b.c")],
    [401, "missing_credentials", await fetch(`${gateway.origin}/v1/models`)],
    [403, "forbidden", await get("/v1/usage?user_id=bob", user)],
    [404, "not_found", await get("/v1/threads/no-such-thread", user)],
  ];
  for (const [status, code, answer] of refusals) {
    assert.equal(answer.status, status);
    const body = (await answer.json()) as any;
    assert.equal(body.error.code, code);
    assert.equal(body.code, code);
    // The legacy parser takes the top-level message for text, and fails on an object.
    assert.equal(typeof body.message, "string");
    assert.equal(body.message, body.error.message);
    assert.equal(typeof body.error.type, "string");
    assert.equal(body.retryable, false);
    assert.match(answer.headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/);
    assert.equal(answer.headers.get("x-should-retry"), status === 403 ? "false" : null);
  }
});

test("threads are bare arrays, and their ids are found encoded or as they are", async () => {
  const { jwt } = await mint({ user_id: "thread-reader" });
  const remembered = await post("/v1/chat/completions", jwt, hello, { "X-Thread-Id": "trip:2026" });
  assert.equal(remembered.status, 200);
  const get = async (path: string) => {
    const answer = await fetch(gateway.origin + path, { headers: { Authorization: `Bearer ${jwt}` } });
    assert.equal(answer.status, 200, path);
    return (await answer.json()) as any;
  };
  const [thread] = await get("/v1/threads");
  assert.equal(thread.id, "trip:2026");
  assert.ok(Date.parse(thread.last_message_at) >= Date.parse(thread.created_at));
  assert.equal(thread.messages_count, 2);
  for (const id of ["trip:2026", "trip%3A2026"]) {
    assert.equal((await get(`/v1/threads/${id}`)).id, "trip:2026");
    const messages = await get(`/v1/threads/${id}/messages`);
    assert.deepEqual(
      messages.map((message: any) => message.role),
      ["user", "assistant"],
    );
    assert.ok(messages.every((message: any) => message.id && Date.parse(message.created_at)));
  }
});

test("usage takes instants whose plus sign arrived as a space", async () => {
  const { jwt } = await mint({ user_id: "usage-reader" });
  assert.equal((await post("/v1/chat/completions", jwt, hello)).status, 200);
  const day = 86_400_000;
  const instant = (offset: number) => new Date(Date.now() + offset).toISOString().replace("Z", "+00:00");
  const query = `from=${instant(-day)}&to=${instant(day)}&granularity=day`;
  const answer = await fetch(`${gateway.origin}/v1/usage?${query}`, { headers: { Authorization: `Bearer ${jwt}` } });
  assert.equal(answer.status, 200, await answer.clone().text());
  const { totals, breakdown } = (await answer.json()) as any;
  assert.equal(totals.requests, 1);
  assert.equal(totals.tokens, totals.input_tokens + totals.output_tokens);
  assert.equal(totals.cost_usd, 0);
  assert.equal(breakdown[0].tokens, totals.tokens);
  assert.ok(Date.parse(breakdown[0].timestamp));
});
