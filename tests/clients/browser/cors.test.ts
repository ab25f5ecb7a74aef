// Which pages may call the gateway, as a real browser sees it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import { type Gateway, start } from "../node/gateway.js";
import { call, chat, launch, open, type Seen, serveSite, type Site, STRANGER } from "./browser.js";

let gateway: Gateway;
let browser: Browser;
let site: Site;
before(async () => {
  // One after the other, so that what has started is stopped when the next one fails.
  gateway = await start();
  browser = await launch();
  site = await serveSite();
});
after(async () => {
  site?.close();
  await browser?.close();
  await gateway?.stop();
});

/** A page on this machine, whose origin a gateway on loopback allows unasked. */
const neighbour = () => open(browser, `http://127.0.0.1:${site.port}`);
/** A page of a domain that nobody listed. */
const stranger = () => open(browser, `http://${STRANGER}:${site.port}`);

/** A streamed chat of one end user with the project's API key. */
function ask(user: string, key = gateway.apiKey): [url: string, init: RequestInit] {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json", "X-End-User-Id": user };
  const body = { model: "default", messages: [{ role: "user", content: "hello there" }], stream: true };
  return [`${gateway.baseURL}/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) }];
}

/** Calls the control plane from here, where no browser stands in the way. */
async function control(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${gateway.origin}/v1/projects/${gateway.projectId}${path}`, {
    method,
    headers: { "X-Admin-Secret": gateway.adminSecret, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.text());
}

/** How many calls of a user the gateway has on its books. */
async function requests(user: string): Promise<number> {
  const headers = { Authorization: `Bearer ${gateway.apiKey}`, "X-End-User-Id": user };
  const report = (await (await fetch(`${gateway.baseURL}/usage`, { headers })).json()) as any;
  return report.totals.requests;
}

function assertBlocked(seen: Seen): void {
  assert.match(seen.blocked ?? `not blocked: ${JSON.stringify(seen)}`, /Failed to fetch/);
}

test("a page of an allowed origin reads a streamed answer and its headers", async () => {
  const seen = await call(await neighbour(), ...ask("page-reader"));
  assert.equal(seen.status, 200);
  assert.match(seen.text ?? "", /^data: \{.*\n\ndata: \[DONE\]\n\n$/s);
  assert.match(seen.headers?.["x-trace-id"] ?? "", /^[0-9a-f]{32}$/);
  assert.equal(seen.headers?.["x-request-id"], seen.headers?.["x-trace-id"]);
  assert.equal(seen.headers?.["x-behest-model"], "local/echo");
  assert.equal(await requests("page-reader"), 1);
});

test("a page of an allowed origin reads a refusal's body and its trace", async () => {
  const seen = await call(await neighbour(), ...ask("page-reader", `behest_sk_live_${"0".repeat(32)}`));
  assert.equal(seen.status, 401);
  assert.equal(JSON.parse(seen.text ?? "").error.code, "invalid_token");
  assert.match(seen.headers?.["x-trace-id"] ?? "", /^[0-9a-f]{32}$/);
});

test("OpenAI's package streams in a page with a token of one end user, by the project's own host", async () => {
  const minted = await fetch(`${gateway.origin}/v1/auth/mint`, {
    method: "POST",
    headers: { Authorization: `Bearer ${gateway.apiKey}` },
    body: JSON.stringify({ user_id: "page-user" }),
  });
  const { jwt } = (await minted.json()) as { jwt: string };
  // Browsers resolve every name under `localhost` by themselves.
  const text = await chat(await neighbour(), `http://${gateway.slugHost}/v1`, jwt, "hello there");
  assert.equal(text, "You said: hello there");
  assert.equal(await requests("page-user"), 1);
});

test("a page may delete, which takes a preflight of its own", async () => {
  const page = await neighbour();
  const [url, init] = ask("page-deleter");
  const headers = { ...(init.headers as Record<string, string>), "X-Thread-Id": "trip" };
  assert.equal((await call(page, url, { ...init, headers })).status, 200);
  const gone = await call(page, `${gateway.baseURL}/threads/trip`, { method: "DELETE", headers });
  assert.equal(gone.status, 204);
});

test("a page of another origin neither calls nor reads until the project lists it", async () => {
  const page = await stranger();
  assertBlocked(await call(page, ...ask("page-stranger")));
  // A simple request is sent without asking first, and its answer is kept back.
  assertBlocked(await call(page, `${gateway.origin}/health`, {}));
  assert.equal(await requests("page-stranger"), 0);

  await control("PUT", "/settings", { cors_origins: [`http://${STRANGER}:${site.port}`] });
  assertBlocked(await call(page, ...ask("page-stranger")));
  await control("POST", "/deploy");
  const seen = await call(page, ...ask("page-stranger"));
  assert.equal(seen.status, 200);
  assert.match(seen.headers?.["x-trace-id"] ?? "", /^[0-9a-f]{32}$/);
  assert.equal(await requests("page-stranger"), 1);

  const other = await open(browser, `http://${STRANGER}:${(await anotherSite()).port}`);
  assertBlocked(await call(other, ...ask("page-stranger")));
});

test("no page reaches the control plane", async () => {
  const headers = { "X-Admin-Secret": gateway.adminSecret };
  assertBlocked(await call(await neighbour(), `${gateway.origin}/v1/projects`, { headers }));
  assertBlocked(await call(await neighbour(), `${gateway.origin}/auth/v1/projects`, {}));
});

/** The same pages on another port, which makes another origin of them. */
async function anotherSite(): Promise<Site> {
  const another = await serveSite();
  after(() => another.close());
  return another;
}
