// Processes and workers that end with live streams and pending calls: nothing crashes, nothing prints, nothing stays open.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

import { type Exchange, KEY, Scripted } from "./scripted.mjs";

/** How often each way to end is tried. */
const RUNS = 10;

let server: Scripted;
before(async () => {
  server = await Scripted.start();
});
after(() => server?.close());

/** Answers streams with one piece and then silence, and other calls for text never. */
const hold = (exchange: Exchange): unknown => {
  if (exchange.method === "GET") return exchange.json({ object: "list", data: [] });
  return exchange.body.stream ? exchange.pieces("one") : undefined;
};

/** Answers with chunks for as long as the client is there. */
const pour = async (exchange: Exchange): Promise<void> => {
  let gone = false;
  void exchange.abandoned.then(() => (gone = true));
  while (!gone) {
    await exchange.pieces("again", "and again");
    await nextTurn();
  }
};

/** A worker that begins to start a local gateway, and says so. */
const STARTING = `
  import("@behest/client-ts").then(({ Behest }) => {
    Behest.local().catch(() => {});
    require("node:worker_threads").parentPort.postMessage("starting");
  });
`;

interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** Two streams that are read, of which the first waits for a chunk, and a pending call. */
const BUSY = `
  const messages = [{ role: "user", content: "hello" }];
  const streams = await Promise.all([1, 2].map(() => client.chat.completions.create({ messages, stream: true })));
  for (const stream of streams) await stream.next();
  for (const promise of [streams[0].next(), client.chat.completions.create({ messages })]) promise.catch(() => {});
`;

/** Runs a program with a client named `client`. */
async function run(program: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const source = `
    import { Worker } from "node:worker_threads";
    import { Behest } from "@behest/client-ts";
    const client = new Behest({ key: ${JSON.stringify(KEY)}, baseUrl: ${JSON.stringify(server.origin)} });
    ${program}
  `;
  const here = fileURLToPath(new URL(".", import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", source], { cwd: here, env: { ...process.env, ...env } });
  const ended = { out: "", err: "" };
  child.stdout.on("data", (piece) => (ended.out += piece));
  child.stderr.on("data", (piece) => (ended.err += piece));
  const [code, signal] = await once(child, "close");
  return { ...ended, code, signal };
}

const quiet = (out = "", code = 0): Ended => ({ code, signal: null, out, err: "" });
const allAbandoned = (): Promise<unknown> =>
  Promise.all(server.seen.filter(({ method }) => method !== "GET").map((exchange) => exchange.abandoned));

const ways = {
  "process.exit": "process.exit(0);",
  "process.exit while streams are closed": "streams.forEach((stream) => stream.close()); process.exit(0);",
  "process.exit in the turn of an answer": "client.models.list().then(() => process.exit(0));",
  "an error that nobody catches": "process.on('uncaughtException', () => process.exit(7)); setImmediate(() => { throw 1; });",
};
for (const [way, program] of Object.entries(ways)) {
  test(`a process ends quietly by ${way}, with live streams and a pending call`, async () => {
    for (let nth = 0; nth < RUNS; nth += 1) {
      server.follow(hold);
      assert.deepEqual(await run(`${BUSY} ${program}`), quiet("", way.includes("error") ? 7 : 0));
      await allAbandoned();
    }
  });
}

test("open streams, idle connections and a closed client keep no process alive", async () => {
  server.follow(hold);
  const program = `
    const stream = await client.chat.completions.create({ messages: [], stream: true });
    console.log((await stream.next()).done);
    await client.close();
  `;
  assert.deepEqual(await run(program), quiet("false\n"));
  await allAbandoned();
});

for (const end of ["process.exit(0);", ""]) {
  test(`a process that never closes its local gateway ends quietly${end && " by process.exit"}, and its folder is gone`, async () => {
    const program = `
      const local = await Behest.local({ port: 0 });
      await local.chat.completions.create({ messages: [{ role: "user", content: "hello" }] });
      const stream = await local.chat.completions.create({ messages: [{ role: "user", content: "hello" }], stream: true });
      await stream.next();
      process.stdout.write(local.gateway.dataDir);
      ${end}
    `;
    const ended = await run(program);
    assert.deepEqual(ended, quiet(ended.out));
    assert.match(ended.out, /behest-local-/);
    assert.equal(existsSync(ended.out), false);
  });
}

test("a process that ends while its local gateway closes waits for that, and its folder is gone", async () => {
  const program = `
    const local = await Behest.local();
    process.stdout.write(local.gateway.dataDir);
    local.close();
    process.exit(0);
  `;
  const ended = await run(program);
  assert.deepEqual(ended, quiet(ended.out));
  assert.equal(existsSync(ended.out), false);
});

test("a process that ends while its local gateway starts leaves no folder", async () => {
  const env = { TMPDIR: mkdtempSync(join(tmpdir(), "behest-starts-")) };
  try {
    // At every stage of the start: from before its first step to after its last.
    for (const wait of ["process.exit(0)", "setTimeout(() => process.exit(0), 20)", "setTimeout(() => process.exit(0), 60)"]) {
      assert.deepEqual(await run(`Behest.local(); ${wait};`, env), quiet());
      assert.deepEqual(readdirSync(env.TMPDIR), []);
    }
    assert.deepEqual(await run(`new Worker(${JSON.stringify(STARTING)}, { eval: true, execArgv: [] }).once("message", () => process.exit(0));`, env), quiet());
    assert.deepEqual(readdirSync(env.TMPDIR), []);
  } finally {
    rmSync(env.TMPDIR, { recursive: true });
  }
});

test("a client that is not used keeps no process alive", async () => {
  assert.deepEqual(await run("console.log(client.mode);"), quiet("apiKey\n"));
});

test("a pending call keeps the process alive until it is answered", async () => {
  server.follow((exchange) => setImmediate(() => exchange.json({ object: "list", data: [] })));
  assert.deepEqual(await run("client.models.list().then((models) => console.log(models.object));"), quiet("list\n"));
});

const options = (): WorkerOptions => ({ workerData: { key: KEY, baseUrl: server.origin }, execArgv: [] });
const place = (name: string): URL => new URL(`workers/${name}.mjs`, import.meta.url);

async function startWorker(name: string): Promise<Worker> {
  const worker = new Worker(place(name), options());
  await once(worker, "message");
  return worker;
}

/** The part of a program that starts workers with live streams and pending calls. */
const startWorkers = (count: number): string => `
  const begin = async () => {
    const worker = new Worker(new URL(${JSON.stringify(place("hold"))}), ${JSON.stringify(options())});
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    return worker;
  };
  const workers = await Promise.all(Array.from({ length: ${count} }, begin));
`;

test("workers are terminated quietly with live streams and pending calls, while another goes on", async () => {
  for (let nth = 0; nth < RUNS; nth += 1) {
    server.follow(hold);
    const program = `
      ${startWorkers(3)}
      await Promise.all(workers.slice(1).map((worker) => worker.terminate()));
      console.log((await client.models.list()).object);
      process.exit(0);
    `;
    assert.deepEqual(await run(program), quiet("list\n"));
    await allAbandoned();
  }
});

test("a process ends quietly while its workers stream", async () => {
  for (let nth = 0; nth < RUNS; nth += 1) {
    server.follow(hold);
    assert.deepEqual(await run(`${startWorkers(3)} process.exit(0);`), quiet());
    await allAbandoned();
  }
});

test("terminating a worker closes its requests while the process goes on", async () => {
  server.follow(hold);
  const worker = await startWorker("hold");
  await server.arrival(3);
  await worker.terminate();
  await allAbandoned();
});

test("a worker is terminated while chunks pour in", async () => {
  for (let nth = 0; nth < RUNS; nth += 1) {
    server.follow(pour);
    const worker = await startWorker("read");
    assert.equal(await worker.terminate(), 1);
    await allAbandoned();
  }
});
