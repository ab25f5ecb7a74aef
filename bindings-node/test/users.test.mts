// One client for many end users: nothing of one user is ever seen by another.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Behest } from "@behest/client-ts";

import { type Exchange, KEY, Scripted, claims } from "./scripted.mjs";

const USERS = 1000;
const CALLS = 5000;

let server: Scripted;
before(async () => {
  server = await Scripted.start();
});
after(() => server?.close());

/** A generator of numbers below a limit: the same ones for the same seed (Mulberry32). */
function random(seed: number): (limit: number) => number {
  return (limit) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Answers in a random order: each arrival joins those that wait, and sometimes one of these is let go. */
function shuffled(draw: (limit: number) => number): { script: (exchange: Exchange) => void; flush: () => void } {
  const waiting: Exchange[] = [];
  const release = (): void => {
    const [exchange] = waiting.splice(draw(waiting.length), 1) as [Exchange];
    const { uid, sid, tier } = claims(exchange.headers.authorization);
    const said = { uid, sid, tier, session: exchange.headers["x-session-id"], thread: exchange.headers["x-thread-id"] };
    const content = JSON.stringify({ ...said, asked: exchange.body.messages[0].content });
    if (!exchange.body.stream) return exchange.answer(content);
    void exchange.pieces(content).then(() => exchange.done());
  };
  const flush = (): void => {
    while (waiting.length > 0) release();
  };
  const script = (exchange: Exchange): void => {
    waiting.push(exchange);
    if (waiting.length > 64 || draw(3) === 0) while (waiting.length > draw(32)) release();
    // What nobody lets go in this turn is let go in the next.
    setImmediate(flush);
  };
  return { script, flush };
}

const seed = Number(process.env.BEHEST_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
test(`${USERS} users on one client never see each other's session, token or thread (BEHEST_TEST_SEED=${seed})`, async () => {
  const draw = random(seed);
  const client = new Behest({ key: KEY, baseUrl: server.origin });
  server.follow(shuffled(random(seed + 1)).script);

  const call = async (nth: number): Promise<void> => {
    const user = `user-${draw(USERS)}`;
    const asked = `${user} asks ${nth}`;
    const messages = [{ role: "user", content: asked }];
    const sessionId = draw(2) === 0 ? `session-of-${user}` : undefined;
    const threadId = draw(2) === 0 ? `thread-of-${user}` : undefined;
    const tier = [undefined, 1, "max"][draw(3)];
    const options = { userId: user, sessionId, threadId, tier };
    let content = "";
    if (draw(3) === 0) {
      const stream = await client.chat.completions.create({ messages, stream: true }, options);
      for await (const chunk of stream) content += chunk.choices[0]?.delta.content ?? "";
    } else {
      content = (await client.chat.completions.create({ messages }, options)).choices[0]?.message.content ?? "";
    }
    const said = JSON.parse(content);
    assert.deepEqual([said.uid, said.asked, said.tier], [user, asked, tier]);
    assert.equal(said.session, sessionId);
    assert.equal(said.thread, threadId);
    assert.equal(said.sid, sessionId ?? "minted-session");
  };

  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < CALLS) await call(next++);
  };
  await Promise.all(Array.from({ length: 200 }, lane));

  // One token for each user, tier and session: however many calls asked at once, none was minted twice.
  const kinds = server.mints.map(({ user_id, session_id, tier }) => JSON.stringify([user_id, session_id, tier]));
  assert.equal(new Set(kinds).size, kinds.length);
  await client.close();
});
