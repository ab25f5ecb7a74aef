// What the package prints: nothing, unless it is asked to, and never a secret or a prompt.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { type Gateway, start } from "../../tests/clients/node/gateway.js";
import { Workspace } from "./workspace.mjs";

let gateway: Gateway;
let workspace: Workspace;
before(async () => {
  gateway = await start();
  workspace = new Workspace();
});
after(async () => {
  workspace?.[Symbol.dispose]();
  await gateway?.stop();
});

const PROMPT = "canary-in-the-prompt";
const program = `
  import { Behest } from "@behest/client-ts";
  const behest = new Behest();
  const messages = [{ role: "user", content: "${PROMPT}" }];
  await behest.chat.completions.create({ messages, user_id: "ada" });
  for await (const _ of await behest.chat.completions.create({ messages, stream: true }));
  await behest.threads.get("none").catch(() => {});
  const { token } = await behest.auth.mint();
  await behest.models.list({ token });
  await behest.models.list({ token: token.slice(0, -3) + "AAA" }).catch(() => {});
  const nowhere = new Behest({ baseUrl: "http://127.0.0.1:9" });
  await nowhere.models.list({ token, maxRetries: 1 }).catch(() => {});
  const local = await Behest.local();
  await local.chat.completions.create({ messages });
  await local.close();
`;
const env = (): NodeJS.ProcessEnv => ({ BEHEST_KEY: gateway.apiKey, BEHEST_BASE_URL: gateway.origin });

test("a program prints nothing that it does not print itself", async () => {
  assert.deepEqual(await workspace.run(program, { env: env() }), { code: 0, out: "", err: "" });
});

for (const level of ["debug", "trace"]) {
  test(`BEHEST_LOG=${level} tells of calls on standard error, without keys, tokens and prompts`, async () => {
    const ended = await workspace.run(program, { env: { ...env(), BEHEST_LOG: level } });
    assert.deepEqual([ended.code, ended.out], [0, ""]);
    assert.match(ended.err, /call="models\.list" status=200/);
    for (const canary of [PROMPT, gateway.apiKey.slice(-32), "eyJ"]) assert.equal(ended.err.includes(canary), false, canary);
  });
}

test("a log that is no filter breaks nothing", async () => {
  const ended = await workspace.run(program, { env: { ...env(), BEHEST_LOG: "=,=nonsense" } });
  assert.deepEqual(ended, { code: 0, out: "", err: "" });
});

const deprecated = `
  import { Behest, resolveConfig } from "@behest/client-ts";
  const apiKey = process.env.BEHEST_API_KEY;
  for (let nth = 0; nth < 3; nth += 1) {
    new Behest(OPTIONS);
    resolveConfig(OPTIONS);
    new Behest({ apiKey, ...OPTIONS });
    await new Behest({ key: apiKey, ...OPTIONS }).mintToken({ userId: "ada" }).then(({ access_token, expires_in, token, ttl }) => {
      if (access_token !== token || expires_in !== ttl) throw new Error("the published names are missing");
    });
  }
`;

test("each deprecation is told once, as a warning of the process", async () => {
  const { BEHEST_KEY, ...rest } = env();
  const ended = await workspace.run(deprecated.replaceAll("OPTIONS", "{}"), { env: { ...rest, BEHEST_API_KEY: BEHEST_KEY } });
  assert.deepEqual([ended.code, ended.out], [0, ""]);
  const warnings = ended.err.split("\n").filter((line) => line.includes("DeprecationWarning"));
  assert.equal(warnings.length, 3, ended.err);
  for (const name of ["BEHEST_API_KEY", "`apiKey`", "`mintToken`"]) {
    assert.equal(warnings.filter((line) => line.includes(name)).length, 1, name);
  }
});

test("`warn` takes deprecations, and then nothing is printed", async () => {
  const { BEHEST_KEY, ...rest } = env();
  const source = deprecated.replaceAll("OPTIONS", "{ warn: (message) => console.log(message.includes('deprecated')) }");
  const ended = await workspace.run(source, { env: { ...rest, BEHEST_API_KEY: BEHEST_KEY } });
  assert.deepEqual(ended, { code: 0, out: "true\n".repeat(3), err: "" });
});
