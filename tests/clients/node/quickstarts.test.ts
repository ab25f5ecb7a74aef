// The TypeScript quickstarts run as written, with only the base URL and the key changed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { type Gateway, ROOT, start } from "./gateway.js";

let gateway: Gateway;
before(async () => {
  gateway = await start();
});
after(() => gateway?.stop());

/** Runs an example to its end and returns what it printed. */
async function run(program: string): Promise<string> {
  const finished = await promisify(execFile)(process.execPath, ["--import", "tsx", program], {
    cwd: join(ROOT, "examples"),
    env: { ...process.env, BEHEST_BASE_URL: gateway.baseURL, BEHEST_KEY: gateway.apiKey },
    timeout: 60_000,
  });
  return finished.stdout;
}

test("the TypeScript quickstart prints an answer", async () => {
  assert.match(await run("quickstart.ts"), /Summarize this document/);
});

test("the TypeScript quickstart streams the same answer", async () => {
  assert.equal(await run("quickstart_stream.ts"), await run("quickstart.ts"));
});
