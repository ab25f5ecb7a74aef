// A gateway inside this process.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";

import { Behest, BehestConfigError, BehestError, LocalBehest } from "@behest/client-ts";

const messages = [{ role: "user", content: "hello there" }];

test("it answers, and closing it removes its folder", async () => {
  const behest = await Behest.local();
  assert.ok(behest instanceof Behest && behest instanceof LocalBehest);
  const answer = await behest.chat.completions.create({ messages, user_id: "ada", thread_id: "t" });
  assert.equal(answer.choices[0]?.message.content, "You said: hello there");
  assert.equal((await behest.threads.list({ userId: "ada" }))[0]?.id, "t");
  assert.ok(existsSync(behest.gateway.dataDir));
  await behest.close();
  assert.equal(existsSync(behest.gateway.dataDir), false);
  await behest.close();
  await assert.rejects(behest.models.list(), (error) => error instanceof BehestError && error.code === "closed");
});

test("who closes it a second time waits for the first", async () => {
  const behest = await Behest.local({ port: 0 });
  const first = behest.close();
  await behest.close();
  assert.equal(existsSync(behest.gateway.dataDir), false);
  await first;
});

test("leaving `await using` closes it", async () => {
  let folder: string;
  {
    await using behest = await Behest.local();
    folder = behest.gateway.dataDir;
    assert.ok(existsSync(folder));
  }
  assert.equal(existsSync(folder), false);
});

test("several stand side by side, and know nothing of each other", async () => {
  await using one = await Behest.local();
  await using two = await Behest.local();
  await one.chat.completions.create({ messages, thread_id: "of-one" });
  assert.deepEqual(await two.threads.list(), []);
  assert.notEqual(one.gateway.apiKey, two.gateway.apiKey);
});

test("with a port other clients reach it, until it is closed", async () => {
  const behest = await Behest.local({ port: 0 });
  const { baseUrl, apiKey: key, adminSecret, projectId } = behest.gateway;
  const other = new Behest({ key, baseUrl, maxRetries: 0 });
  assert.ok((await other.models.list()).data.length > 0);
  const control = await fetch(`${baseUrl}/v1/projects/${projectId}`, { headers: { "X-Admin-Secret": adminSecret } });
  assert.equal(control.status, 200);
  await behest.close();
  await assert.rejects(other.models.list(), { code: "network_error" });
});

test("closing it ends a stream that is being read", async () => {
  const behest = await Behest.local();
  const long = [{ role: "user", content: "word ".repeat(200_000) }];
  const stream = await behest.chat.completions.create({ messages: long, stream: true });
  await stream.next();
  const rest = (async () => {
    for await (const _ of stream);
  })().catch((error) => error);
  await behest.close();
  const ended = await rest;
  assert.ok(ended === undefined || ended.name === "BehestServerError", String(ended));
});

test("a data directory keeps what is in it, for one gateway at a time", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "behest-node-local-"));
  try {
    const first = await Behest.local({ dataDir });
    await first.chat.completions.create({ messages, thread_id: "kept" });
    await assert.rejects(Behest.local({ dataDir }), { name: "BehestConfigError", code: "local_gateway" });
    await first.close();
    await using second = await Behest.local({ dataDir });
    assert.equal((await second.threads.list())[0]?.id, "kept");
    assert.equal(second.gateway.apiKey, first.gateway.apiKey);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("its client takes the options of a client, and no key", async () => {
  await using behest = await Behest.local({ defaultUserId: "ada", timeout: 5000, maxRetries: 0 });
  assert.deepEqual([behest.config.defaultUserId, behest.config.timeout, behest.config.maxRetries], ["ada", 5000, 0]);
  await assert.rejects(Behest.local({ key: "k" } as object), BehestConfigError);
  await assert.rejects(Behest.local({ port: 70_000 }), BehestConfigError);
});

test("printing it shows no secret", async () => {
  await using behest = await Behest.local();
  const { apiKey, adminSecret } = behest.gateway;
  assert.ok(apiKey.startsWith("behest_sk_live_") && adminSecret.length > 8);
  for (const shown of [inspect(behest, { depth: 9, showHidden: true }), JSON.stringify(behest), inspect(behest.gateway)]) {
    assert.ok(!shown.includes(apiKey) && !shown.includes(adminSecret));
  }
});
