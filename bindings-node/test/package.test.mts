// The package as npm, Node, bundlers and TypeScript see it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";
import { promisify } from "node:util";

import * as imported from "@behest/client-ts";

import { PACKAGE, Workspace } from "./workspace.mjs";

const require = createRequire(import.meta.url);
const run = promisify(execFile);

test("it can be imported and required, and is the same both times", () => {
  const required = require("@behest/client-ts");
  assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
  for (const name of Object.keys(imported)) assert.equal(required[name], (imported as Record<string, unknown>)[name], name);
});

test("errors are known across copies of the package", async () => {
  using workspace = new Workspace();
  workspace.install("another-copy");
  const program = `
    import { BehestAuthError, BehestError, BehestQuotaError, Behest } from "@behest/client-ts";
    import * as other from "another-copy";
    const error = other.classifyHttpError({ status: 403 });
    console.log(error instanceof BehestAuthError, error instanceof BehestError, error instanceof BehestQuotaError,
      other.BehestAuthError === BehestAuthError);
  `;
  assert.deepEqual(await workspace.run(program), { code: 0, out: "true true false false\n", err: "" });
});

test("OpenAI's package is not needed, until a legacy name is used", async () => {
  using workspace = new Workspace();
  const program = `
    import { Behest, BehestClient, OpenAI } from "@behest/client-ts";
    new Behest({ key: "behest_sk_live_${"0".repeat(32)}" });
    try { new BehestClient(); } catch (error) { console.log(error.code); }
  `;
  assert.deepEqual(await workspace.run(program), { code: 0, out: "MODULE_NOT_FOUND\n", err: "" });
});

test("without its native module it says which package is missing", async () => {
  using workspace = new Workspace({ native: false });
  const program = `
    import { Behest } from "@behest/client-ts";
    try { new Behest({ key: "k" }); } catch (error) { console.log(error.message); }
  `;
  const { out, err } = await workspace.run(program);
  assert.equal(err, "");
  assert.match(out, new RegExp(`install @behest/client-ts-${process.platform}-${process.arch}`));
});

for (const how of ['await import("@behest/client-ts")', 'createRequire(process.cwd() + "/x.js")("@behest/client-ts")']) {
  test(`a browser's bundle says why it cannot load: ${how.slice(0, 12)}`, async () => {
    using workspace = new Workspace();
    const program = `
      import { createRequire } from "node:module";
      try { ${how}; } catch (error) { console.log(error.message); }
    `;
    const { out } = await workspace.run(program, { flags: ["--conditions=browser"] });
    assert.match(out, /runs on a server/);
  });
}

test("a private key is refused where there is a window", async () => {
  using workspace = new Workspace();
  const program = `
    import { Behest } from "@behest/client-ts";
    import { generateKeyPairSync } from "node:crypto";
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = privateKey.export({ type: "pkcs8", format: "pem" });
    const client = new Behest({ key, kid: "sk_1", tenantId: "t", projectId: "p", baseUrl: "http://127.0.0.1:9" });
    globalThis.window = {};
    const stream = { messages: [], stream: true };
    for (const call of [client.auth.mint(), client.models.list(), client.chat.completions.create(stream)]) {
      await call.catch((error) => console.log(error.name, error.code));
    }
    delete globalThis.window;
    console.log((await client.auth.mint()).ttl);
  `;
  const refused = "BehestConfigError browser\n".repeat(3);
  assert.deepEqual(await workspace.run(program), { code: 0, out: `${refused}3600\n`, err: "" });
});

test("publint finds nothing to say", async () => {
  const { publint } = await import("publint");
  const { messages } = await publint({ pkgDir: PACKAGE, level: "warning", strict: true });
  assert.deepEqual(messages, []);
});

test("its types are found, however it is resolved", async () => {
  const attw = require.resolve("@arethetypeswrong/cli/package.json").replace("package.json", "dist/index.js");
  const { stdout } = await run(process.execPath, [attw, "--pack", PACKAGE, "--format", "json"]).catch((error) => error);
  const { problems } = JSON.parse(stdout);
  assert.deepEqual(problems, {});
});
