// The chat page of the examples in a real browser, the same on both servers.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import type { Browser, BrowserContext, Page } from "playwright-core";

import { launch } from "./browser.js";
import { EXAMPLES } from "./example.js";
import { answered, claims, control, enter, says, send, setStage, signIn, type Stage } from "./stage.js";

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const name of EXAMPLES) {
  describe(`examples/${name}`, () => {
    let stage: Stage;
    let context: BrowserContext;
    let page: Page;
    before(async () => {
      stage = await setStage(name);
    });
    after(() => stage?.stop());
    beforeEach(async () => {
      context = await browser.newContext();
      page = await context.newPage();
    });
    afterEach(() => context.close());

    /** Asks and lets the provider give a whole answer. */
    async function converse(question: string, answer: string): Promise<void> {
      await send(page, question);
      const call = await stage.upstream.next();
      call.say(answer);
      call.finish();
      await says(page, ".assistant p", answer);
      await answered(page);
    }
    /** Waits until the gateway has written down a conversation, which a stop does not wait for. */
    async function kept(user: string, title: string): Promise<void> {
      const headers = { Authorization: `Bearer ${stage.gateway.apiKey}`, "X-End-User-Id": user };
      for (let found = false; !found; ) {
        const answer = await fetch(`${stage.gateway.baseURL}/threads`, { headers });
        found = ((await answer.json()) as { title: string }[]).some((thread) => thread.title === title);
      }
    }
    /** The list of conversations, once it has come. */
    const listed = () => page.waitForResponse((answer) => answer.url().includes("/v1/threads?") && answer.ok());
    const conversation = (title: string) =>
      page.getByRole("navigation").getByRole("button", { name: title, exact: true });
    const error = () => page.getByRole("alert");

    test("text is on the page before the model has said the rest", async () => {
      await signIn(page, stage.url, "alice");
      await send(page, "Tell me a tale");
      const call = await stage.upstream.next();
      assert.deepEqual(call.body.messages, [{ role: "user", content: "Tell me a tale" }]);
      call.say("Once ");
      await says(page, ".assistant p", "Once");
      assert.ok(await page.getByRole("button", { name: "Stop" }).isVisible(), "the answer is still coming");
      call.say("upon a time 🐉");
      await says(page, ".assistant p", "Once upon a time 🐉");
      call.finish();
      await answered(page);
      assert.equal(await page.locator("[aria-busy]").count(), 0);
    });

    test("the stop button ends the call at the provider, and what has come is kept", { timeout: 60_000 }, async () => {
      await signIn(page, stage.url, "alice");
      await send(page, "Count to a million");
      const call = await stage.upstream.next();
      call.say("1, 2, 3");
      await says(page, ".assistant p", "1, 2, 3");
      await page.getByRole("button", { name: "Stop" }).click();
      await call.gone;
      await says(page, "#status", "Stopped.");
      await says(page, ".assistant small", "This answer was stopped before its end.");
      assert.ok(await error().isHidden(), "stopping is no error");

      await page.getByRole("button", { name: "New conversation" }).click();
      await kept("alice", "Count to a million");
      await conversation("Count to a million").click();
      await says(page, ".assistant p", "1, 2, 3");
      await says(page, ".assistant small", "This answer was stopped before its end.");
    });

    test("Escape stops an answer that has not begun, and the message comes back", async () => {
      await signIn(page, stage.url, "alice");
      await send(page, "Think hard");
      const call = await stage.upstream.next();
      await page.keyboard.press("Escape");
      await call.gone;
      await answered(page);
      assert.equal(await page.getByLabel("Your message").inputValue(), "Think hard");
      assert.equal(await page.locator("#message-list li").count(), 0);
    });

    test("an answer that breaks off says so, and the message comes back", async () => {
      await signIn(page, stage.url, "alice");
      await send(page, "Break in the middle");
      const call = await stage.upstream.next();
      call.say("The beginning");
      await says(page, ".assistant p", "The beginning");
      call.breakOff();
      await error().getByText("The answer broke off").waitFor();
      await says(page, ".assistant small", "This answer broke off and is not kept.");
      assert.equal(await page.getByLabel("Your message").inputValue(), "Break in the middle");
      assert.equal(await conversation("Break in the middle").count(), 0);
    });

    test("conversations are listed, opened, continued and deleted", async () => {
      await signIn(page, stage.url, "bob");
      await page.getByText("No conversations yet.").waitFor();
      await converse("A house", "With a door.");
      await page.getByRole("button", { name: "New conversation" }).click();
      await converse("A bridge", "With two towers.");

      await page.reload();
      await conversation("A bridge").waitFor();
      await conversation("A house").click();
      await says(page, ".user p", "A house");
      await says(page, ".assistant p", "With a door.");
      await send(page, "And a roof?");
      const call = await stage.upstream.next();
      const told = call.body.messages.map((message: { content: string }) => message.content);
      assert.deepEqual(told, ["A house", "With a door.", "And a roof?"]);
      call.say("Red.");
      call.finish();
      await answered(page);

      page.once("dialog", (dialog) => void dialog.accept());
      await page.getByRole("button", { name: "Delete conversation: A house" }).click();
      await conversation("A house").waitFor({ state: "detached" });
      assert.equal(await page.locator("#message-list li").count(), 0, "its messages go, too");
      await page.reload();
      await conversation("A bridge").waitFor();
      assert.equal(await conversation("A house").count(), 0);
    });

    test("nobody sees another's conversations, at the same page after signing out or anywhere", async () => {
      await signIn(page, stage.url, "alice");
      await converse("A secret of alice", "Kept.");
      await send(page, "A secret that is not answered");
      const call = await stage.upstream.next();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await call.gone;
      assert.ok(!(await page.content()).includes("A secret"));

      const loaded = listed();
      await enter(page, "bob");
      assert.ok(!(await (await loaded).text()).includes("A secret"));
      assert.ok(!(await page.content()).includes("A secret"));
      assert.equal(await page.getByLabel("Your message").inputValue(), "");
    });

    test("a wrong password and a session that has ended are told in the sign-in form", async () => {
      await page.goto(stage.url);
      await page.getByLabel("User name").fill("alice");
      await page.getByLabel("Password").fill("the-builder");
      await page.getByRole("button", { name: "Sign in" }).click();
      await error().getByText("The user name or the password is wrong.").waitFor();

      await page.clock.install();
      const loaded = listed();
      await signIn(page, stage.url, "alice");
      await loaded;
      await context.clearCookies();
      // By then the page wants a new token.
      await page.clock.fastForward("15:00");
      await send(page, "Am I still here?");
      await error().getByText("Your session has ended.").waitFor();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    });

    /** Counts the tokens that the page gets, and may spoil one on its way. */
    async function watchTokens(spoil: (count: number) => boolean = () => false): Promise<string[]> {
      const tokens: string[] = [];
      await page.route("**/api/behest/token", async (route) => {
        const answer = await route.fetch();
        const body = (await answer.json()) as { token: string };
        tokens.push(body.token);
        const token = spoil(tokens.length) ? body.token.replace(/\.[^.]*$/, ".AAAA") : body.token;
        await route.fulfill({ response: answer, json: { ...body, token } });
      });
      return tokens;
    }

    test("a token that the gateway refuses is replaced once, and the session stays the same", async () => {
      const tokens = await watchTokens((count) => count === 1);
      await signIn(page, stage.url, "alice");
      await converse("With a new token", "Granted.");
      assert.equal(tokens.length, 2);
      assert.equal(claims(tokens[1] ?? "").sid, claims(tokens[0] ?? "").sid);
      assert.notEqual(claims(tokens[1] ?? "").jti, claims(tokens[0] ?? "").jti);
      assert.ok(await error().isHidden());
    });

    test("a second refusal is told, and nothing is tried for ever", async () => {
      const tokens = await watchTokens(() => true);
      await signIn(page, stage.url, "alice");
      await error().getByText("The gateway does not accept this page's token.").waitFor();
      assert.equal(tokens.length, 2);
    });

    test("a token serves until a minute before its end", async () => {
      await page.clock.install();
      const tokens = await watchTokens();
      await signIn(page, stage.url, "alice");
      await converse("At once", "Here.");
      await page.clock.fastForward("13:50");
      await converse("Almost fourteen minutes later", "Still here.");
      assert.equal(tokens.length, 1);
      await page.clock.fastForward("00:15");
      await converse("After fourteen minutes", "Here again.");
      assert.equal(tokens.length, 2);
    });

    test("a suspended project is told with what the gateway says and where its log has it", async () => {
      await signIn(page, stage.url, "alice");
      await control(stage.gateway, "PATCH", `projects/${stage.gateway.projectId}`, { status: "suspended" });
      await send(page, "Anyone there?");
      await error().getByText(/^This is not allowed here: .*suspended.*\(Reference: [0-9a-f]{32}\)$/).waitFor();
      await control(stage.gateway, "PATCH", `projects/${stage.gateway.projectId}`, { status: "active" });
      assert.equal(await page.getByLabel("Your message").inputValue(), "Anyone there?", "for another try");
      await page.getByRole("button", { name: "Send" }).click();
      const call = await stage.upstream.next();
      call.say("Yes.");
      call.finish();
      await says(page, ".assistant p", "Yes.");
      assert.ok(await error().isHidden());
    });

    test("a conversation deleted elsewhere is told", async () => {
      await signIn(page, stage.url, "alice");
      await converse("Soon gone", "Alas.");
      await page.getByRole("button", { name: "New conversation" }).click();
      const id = await page.locator("#thread-list li", { hasText: "Soon gone" }).getAttribute("data-id");
      await fetch(`${stage.gateway.baseURL}/threads/${id}`, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${stage.gateway.apiKey}`, "X-End-User-Id": "alice" },
      });
      await conversation("Soon gone").click();
      await error().getByText("This conversation is not there any more.").waitFor();
    });

    const resets = { resets_at: "2030-06-01T00:00:00Z" };
    const refusals: [status: number, headers: Record<string, string>, error: object, told: RegExp][] = [
      [402, {}, { message: "used up", details: resets }, /^Your allowance is used up until .*2030/],
      [429, { "Retry-After": "7" }, { message: "too many" }, /^That was too much at once\. Try again in 7 seconds\./],
      [451, {}, { message: "an address" }, /^The message was held back by a content rule: an address\./],
      [502, {}, { message: "it failed" }, /^Something went wrong behind the page: it failed\./],
    ];
    for (const [status, headers, body, told] of refusals) {
      // The gateway does not refuse like this on demand, so the browser is handed the answer.
      test(`${status} is told in words`, async () => {
        await signIn(page, stage.url, "alice");
        const allowed = { "Access-Control-Allow-Origin": stage.url, "Access-Control-Expose-Headers": "*" };
        await page.route("**/v1/chat/completions", (route) =>
          route.fulfill({ status, headers: { ...allowed, ...headers }, json: { error: body } }),
        );
        await send(page, "Hello");
        await error().getByText(told).waitFor();
      });
    }

    const interruptions: [code: string, error: object, told: RegExp][] = [
      ["quota_exceeded", { message: "used up", details: resets }, /^Your allowance is used up until .*2030/],
      ["killed", { message: "the project is stopped" }, /^This is not allowed here: the project is stopped\./],
      ["content_blocked", { message: "an address" }, /^The message was held back by a content rule: an address\./],
      ["upstream_error", { message: "it failed" }, /^The answer broke off before its end\./],
    ];
    for (const [code, refusal, told] of interruptions) {
      test(`${code} in the middle of an answer is told in words`, async () => {
        await signIn(page, stage.url, "alice");
        const headers = { "Access-Control-Allow-Origin": stage.url, "Content-Type": "text/event-stream" };
        const events = [{ choices: [{ delta: { content: "The beginning" } }] }, { error: { code, ...refusal } }];
        const body = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
        await page.route("**/v1/chat/completions", (route) => route.fulfill({ headers, body }));
        await send(page, "Hello");
        await error().getByText(told).waitFor();
        await says(page, ".assistant small", "This answer broke off and is not kept.");
      });
    }

    test("a gateway that cannot be reached is told", async () => {
      await signIn(page, stage.url, "alice");
      await page.route("**/v1/chat/completions", (route) => route.abort("connectionrefused"));
      await send(page, "Hello");
      await error().getByText("No answer came.").waitFor();
    });

    test("markup stays text, in messages, answers and titles", async () => {
      await signIn(page, stage.url, "alice");
      const markup = `<img src=x onerror="document.title='owned'"><b>bold</b>`;
      await converse(markup, markup);
      await page.reload();
      await conversation(markup).click();
      await says(page, ".assistant p", markup);
      assert.equal(await page.locator("#chat main img, #chat main b, nav img, nav b").count(), 0);
      assert.equal(await page.title(), "Chat");
    });

    test("the keyboard alone is enough, and the page fits a small screen", async () => {
      await page.setViewportSize({ width: 360, height: 640 });
      await page.goto(stage.url);
      await page.getByLabel("User name").waitFor();
      await page.keyboard.type("alice");
      await page.keyboard.press("Tab");
      await page.keyboard.type("wonderland");
      await page.keyboard.press("Enter");
      await page.getByLabel("Your message").waitFor();
      await page.keyboard.type("First line");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("second line");
      await page.keyboard.press("Enter");
      const call = await stage.upstream.next();
      assert.equal(call.body.messages.at(-1).content, "First line\nsecond line");
      call.say("a-very-long-word-".repeat(40));
      call.finish();
      await answered(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);

      const menu = page.getByRole("button", { name: "Conversations" });
      assert.ok(await page.getByRole("button", { name: "New conversation" }).isHidden());
      await menu.press("Enter");
      assert.equal(await menu.getAttribute("aria-expanded"), "true");
      await conversation("First line second line").press("Enter");
      assert.equal(await menu.getAttribute("aria-expanded"), "false");
      await says(page, ".user p", "First line\nsecond line");
    });
  });
}
