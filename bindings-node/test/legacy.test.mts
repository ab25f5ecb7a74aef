// The names of the published SDK before 1.5, with the oldest and the newest of OpenAI's packages.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { BehestClient, BehestServerClient, OpenAI, decodeToken, importSigningKey, signBehestJWT } from "@behest/client-ts";

import { type Gateway, start } from "../../tests/clients/node/gateway.js";
import { signingKey } from "./keys.mjs";
import { Workspace } from "./workspace.mjs";

let gateway: Gateway;
before(async () => {
  gateway = await start();
});
after(() => gateway?.stop());

const messages = [{ role: "user" as const, content: "hello there" }];

for (const openai of ["openai", "openai-oldest"]) {
  test(`a program of 1.x runs on ${openai}, and is told once of each name that is deprecated`, async () => {
    using workspace = new Workspace({ openai });
    const key = await signingKey(gateway);
    const program = `
      import { BehestClient, BehestServerClient, OpenAI, clearSigningKeyCache, importSigningKey, signBehestJWT } from "@behest/client-ts";
      class Mine extends BehestClient { hello() { return this.chat.completions.create(${JSON.stringify({ model: "m", messages })}); } }
      for (const client of [new BehestClient({ endUserId: "ada" }), new Mine({ endUserId: "ada", timeout: 5000 })]) {
        console.log(client instanceof BehestClient, client instanceof Mine, client instanceof OpenAI, client.baseURL.endsWith("/v1"));
      }
      console.log((await new Mine().hello()).choices[0].message.content);
      const stream = await new Mine().chat.completions.create({ ...${JSON.stringify({ model: "m", messages })}, stream: true });
      let text = "";
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      console.log(text);
      const signingKey = ${JSON.stringify(key)};
      const server = new BehestServerClient({ signingKey });
      const minted = await server.mintToken("ada");
      console.log(server instanceof BehestClient, minted.expiresIn, server.isTokenExpiringSoon(minted), server.isTokenExpiringSoon(minted, 4000));
      const signed = await signBehestJWT(signingKey, { userId: "ada", expiresIn: 60 });
      await importSigningKey(signingKey.privateKeyPem);
      clearSigningKeyCache();
      const users = [minted.accessToken, signed.accessToken].map((apiKey) => new OpenAI({ apiKey, baseURL: server.baseURL }));
      for (const user of users) console.log((await user.chat.completions.create(${JSON.stringify({ model: "m", messages })})).model);
      await users[0].models.retrieve("none").catch((error) => console.log(error instanceof OpenAI.APIError, error.status));
    `;
    const ended = await workspace.run(program, { env: { BEHEST_API_KEY: gateway.apiKey, BEHEST_BASE_URL: gateway.origin } });
    assert.deepEqual(ended.out.trim().split("\n"), [
      "true false true true",
      "true true true true",
      "You said: hello there",
      "You said: hello there",
      "true 3600 false true",
      "local/echo",
      "local/echo",
      "true 404",
    ]);
    const names = [...ended.err.matchAll(/DeprecationWarning: (?:importing )?`(\w+)`/g)].map(([, name]) => name);
    assert.deepEqual(names.sort(), [
      "BehestClient",
      "BehestServerClient",
      "OpenAI",
      "clearSigningKeyCache",
      "importSigningKey",
      "signBehestJWT",
    ]);
  });
}

test("the stand-ins behave like the classes", () => {
  assert.equal(OpenAI.name, "OpenAI");
  assert.equal(BehestClient.name, "BehestClient");
  assert.ok("APIError" in OpenAI);
  assert.ok(Object.getOwnPropertyNames(OpenAI).includes("prototype"));
  const client = new OpenAI({ apiKey: "k" });
  assert.ok(client instanceof OpenAI && client.constructor.name === "OpenAI");
  assert.equal(Object.getPrototypeOf(client), OpenAI.prototype);
  assert.throws(() => (OpenAI as unknown as () => void)(), TypeError);
});

test("the base URL is where OpenAI's class expects it", () => {
  const url = (options: object): string => new BehestClient({ apiKey: "k", ...options }).baseURL;
  assert.equal(url({}), "https://api.behest.ai/v1");
  assert.equal(url({ baseURL: "http://localhost:8080/" }), "http://localhost:8080/v1");
  assert.equal(url({ baseURL: "http://localhost:8080/v1/" }), "http://localhost:8080/v1");
  assert.equal(url({ baseURL: "https://api.behest.app", projectSlug: "amber-fox-042" }), "https://amber-fox-042.behest.app/v1");
  const { maxRetries, timeout } = new BehestClient({ apiKey: "k", tenantId: "ignored", projectId: "ignored" });
  assert.deepEqual([maxRetries, timeout], [2, 60_000]);
});

test("a client tells the end user", async () => {
  const client = new BehestClient({ apiKey: gateway.apiKey, baseURL: gateway.origin, endUserId: "ada-of-1.x" });
  await client.chat.completions.create({ model: "m", messages }, { headers: { "X-Thread-Id": "legacy" } });
  const answer = await fetch(`${gateway.baseURL}/threads`, {
    headers: { Authorization: `Bearer ${gateway.apiKey}`, "X-End-User-Id": "ada-of-1.x" },
  });
  assert.equal(((await answer.json()) as { id: string }[])[0]?.id, "legacy");
});

test("a server client without a signing key says so", async () => {
  const client = new BehestServerClient({ apiKey: "k" });
  await assert.rejects(client.mintToken("ada"), /signingKey/);
});

test("a server client with other options keeps its signing key, and does not show it", async () => {
  const key = await signingKey(gateway);
  const client = new BehestServerClient({ apiKey: "k", signingKey: key }).withOptions({ timeout: 5000 });
  assert.equal(client.timeout, 5000);
  assert.equal((await client.mintToken("ada")).expiresIn, 3600);
  assert.doesNotMatch(inspect(client, { depth: 9 }), /PRIVATE KEY/);
});

test("a legacy token has the eight claims", async () => {
  const key = await signingKey(gateway);
  const { accessToken, expiresAt, expiresIn } = await signBehestJWT(key, { userId: "ada", expiresIn: 120, projectId: "other" });
  const claims = decodeToken(accessToken);
  assert.deepEqual(Object.keys(claims), ["tid", "pid", "uid", "iss", "aud", "iat", "nbf", "exp"]);
  assert.deepEqual([claims.tid, claims.pid, claims.uid, claims.iss, claims.aud], [key.tenantId, "other", "ada", "behest", "behest"]);
  assert.deepEqual([claims.exp, expiresIn], [expiresAt, 120]);
});

test("what cannot be signed is refused", async () => {
  const key = await signingKey(gateway);
  const refused = { name: "BehestConfigError", code: "invalid_signing_key" };
  await assert.rejects(signBehestJWT({ ...key, keyId: "kid_1" }, { userId: "ada" }), refused);
  await assert.rejects(signBehestJWT({ ...key, privateKeyPem: "nonsense" }, { userId: "ada" }), refused);
  await assert.rejects(signBehestJWT(key, { userId: "ada", expiresIn: 59 }), { name: "BehestBadRequestError", param: "ttl" });
  await assert.rejects(signBehestJWT(key, { userId: "ada", expiresIn: NaN }), { name: "BehestBadRequestError", param: "ttl" });
  await assert.rejects(signBehestJWT(key, { userId: "" }), { name: "BehestBadRequestError" });
  await assert.rejects(importSigningKey("nonsense"), refused);
});
