// The examples' page calls the gateway from another origin: what the browser lets it see.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { launch, STRANGER } from "./browser.js";
import { EXAMPLES } from "./example.js";
import { deploy, setStage, signIn, type Stage } from "./stage.js";

/** What the page could read of a call. */
interface Read {
  status: number;
  traceId: string | null;
  body: any;
}

/** Lets the page call the gateway with its user's token, or with one that is none. */
function read(page: Page, path: string, spoiled = false): Promise<Read> {
  return page.evaluate(
    async ([path, spoiled]) => {
      const { token, baseUrl } = await (await fetch("/api/behest/token", { method: "POST" })).json();
      const Authorization = `Bearer ${spoiled ? "spoiled" : token}`;
      const answer = await fetch(baseUrl + path, { headers: { Authorization } });
      return { status: answer.status, traceId: answer.headers.get("X-Trace-Id"), body: await answer.json() };
    },
    [path, spoiled] as const,
  );
}

for (const name of EXAMPLES) {
  describe(`examples/${name}`, () => {
    let browser: Browser;
    let stage: Stage;
    before(async () => {
      stage = await setStage(name);
      browser = await launch();
    });
    after(async () => {
      await browser?.close();
      await stage?.stop();
    });

    test("status, body and trace can be read on success and on 401, 403 and 404", async () => {
      const page = await browser.newPage();
      await signIn(page, stage.url, "alice");
      const listed = await read(page, "/v1/models");
      assert.equal(listed.status, 200);
      assert.ok(listed.body.data.length > 0);

      const refusals: [Read, number, string][] = [
        [await read(page, "/v1/models", true), 401, "invalid_token"],
        [await read(page, "/v1/usage?user_id=bob"), 403, "forbidden"],
        [await read(page, "/v1/threads/nowhere/messages"), 404, "not_found"],
      ];
      for (const [{ status, body }, expected, code] of refusals) {
        assert.deepEqual([status, body.error.code], [expected, code]);
      }
      const traces = [listed, ...refusals.map(([seen]) => seen)].map(({ traceId }) => traceId ?? "");
      traces.forEach((trace) => assert.match(trace, /^[0-9a-f]{32}$/));
      assert.equal(new Set(traces).size, traces.length);
      await page.close();
    });

    test("an origin that the project does not list gets nothing, until it does", async () => {
      const origin = `http://${STRANGER}:${stage.example.port}`;
      const page = await browser.newPage();
      await signIn(page, origin, "alice");
      await page.getByRole("alert").getByText("No answer came.").waitFor();
      await assert.rejects(read(page, "/v1/models"), /Failed to fetch/);
      await assert.rejects(read(page, "/v1/models", true), /Failed to fetch/);
      await assert.rejects(read(page, "/v1/usage?user_id=bob"), /Failed to fetch/);
      await assert.rejects(read(page, "/v1/threads/nowhere/messages"), /Failed to fetch/);

      await deploy(stage.gateway, { cors_origins: [origin] });
      await page.reload();
      await page.getByText("Signed in as alice").waitFor();
      assert.equal((await read(page, "/v1/models")).status, 200);
      assert.equal((await read(page, "/v1/models", true)).status, 401);
      await page.close();
    });
  });
}
