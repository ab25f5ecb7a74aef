// Names in any spelling: what names a user never gets lost, for a call that names none is another user's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Behest } from "@behest/client-ts";

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
const native = { user_id: "ada", session_id: "s", thread_id: "t", max_retries: 1, timeout: 5000 };
const own = { userId: "ada", sessionId: "s", threadId: "t", maxRetries: 1, timeout: 5000 };

/** Who the last call was for, and in which session and thread. */
function said(): unknown[] {
  const { user, headers } = server.seen.at(-1) as Exchange;
  return [user, headers["x-session-id"], headers["x-thread-id"]];
}

for (const [spelling, names] of Object.entries({ "the native": native, "TypeScript's": own })) {
  test(`options in ${spelling} spelling say who a call is for, beside it and among its parameters`, async () => {
    server.follow(answer);
    await client.chat.completions.create({ messages }, names as object);
    assert.deepEqual(said(), ["ada", "s", "t"]);
    await client.chat.completions.create({ messages, ...names });
    assert.deepEqual(said(), ["ada", "s", "t"]);
    for (const { body } of server.seen) assert.deepEqual(body, { messages });
  });

  test(`options in ${spelling} spelling say whose threads, models and usage are asked for`, async () => {
    const { threadId: _, thread_id: __, ...user } = names as Record<string, unknown>;
    server.follow((exchange) => exchange.json([]));
    for (const call of [
      () => client.threads.list({ ...user, limit: 1 }),
      () => client.threads.get("t", user),
      () => client.threads.messages("t", user),
      () => client.threads.delete("t", user),
      () => client.models.list(user),
      () => client.usage.get({}, user),
      () => client.usage.billing({}, user),
    ]) {
      await call();
      assert.equal(server.seen.at(-1)?.user, "ada");
    }
  });
}

test("a name that is no option is refused before anything is sent", async () => {
  server.follow(answer);
  const wrong = (name: string, near?: string): object => {
    return { name: "BehestBadRequestError", param: name, message: new RegExp(near ? `did you mean \`${near}\`` : name) };
  };
  await assert.rejects(client.threads.list({ user: "ada" } as object), wrong("user"));
  await assert.rejects(client.threads.list({ userID: "ada" } as object), wrong("userID", "userId"));
  await assert.rejects(client.chat.completions.create({ messages }, { user: "ada" } as object), wrong("user"));
  await assert.rejects(client.chat.completions.create({ messages, userid: "ada" }), wrong("userid", "userId"));
  await assert.rejects(client.chat.completions.create({ messages, stream: true }, { uid: "ada" } as object), wrong("uid"));
  await assert.rejects(client.chat.completions.create({ messages, asApiKey: true }), { param: "asApiKey" });
  assert.equal(server.seen.length, 0);
});

test("parameters that are no options are sent as they are", async () => {
  server.follow(answer);
  const said = JSON.parse('{"user":"u","top_k":3,"nothing":null,"__proto__":{"stream":true}}');
  await client.chat.completions.create({ messages, ...said });
  assert.deepEqual(server.seen[0]?.body, { messages, ...said });
});

test("a user who is said twice must be the same user", async () => {
  server.follow(answer);
  await client.chat.completions.create({ messages, user_id: "ada", userId: "ada" });
  await assert.rejects(client.chat.completions.create({ messages, user_id: "ada", userId: "eve" }), { param: "userId" });
  assert.equal(server.seen.length, 1);
});

test("a report on a user is asked for as that user", async () => {
  server.follow((exchange) => exchange.json({ totals: {}, breakdown: [] }));
  for (const query of [{ user_id: "ada" }, { userId: "ada" }]) {
    await client.usage.get(query);
    const { user, query: sent } = server.seen.at(-1) as Exchange;
    assert.deepEqual([user, sent.get("user_id")], ["ada", "ada"]);
  }
  await client.usage.get({ user_id: "ada" }, { userId: "bob" });
  assert.equal(server.seen.at(-1)?.user, "bob");
  await client.usage.get({ user_id: "ada" }, { asApiKey: true });
  assert.equal(server.seen.at(-1)?.headers.authorization, `Bearer ${KEY}`);
});
