// The examples' servers: who gets a token, and what their pages may do.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ROOT } from "../node/gateway.js";
import { EXAMPLES, type Example, startExample } from "./example.js";
import { claims, PASSWORDS, setStage, type Stage } from "./stage.js";

interface Access {
  token: string;
  ttl: number;
  sessionId: string;
  expiresAt: string;
  baseUrl: string;
}

for (const name of EXAMPLES) {
  describe(`examples/${name}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await setStage(name);
    });
    after(() => stage?.stop());

    function post(path: string, headers: Record<string, string> = {}, body?: unknown, example = stage.example) {
      return fetch(`http://localhost:${example.port}${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    }

    /** Signs in, and returns what the browser would keep and send. */
    async function cookieOf(user: string, example?: Example): Promise<string> {
      const answer = await post("/api/login", {}, { user, password: PASSWORDS[user] }, example);
      assert.equal(answer.status, 200);
      return answer.headers
        .getSetCookie()
        .map((cookie) => cookie.split(";")[0])
        .join("; ");
    }

    async function access(cookie: string): Promise<Access> {
      const answer = await post("/api/behest/token", { Cookie: cookie });
      assert.equal(answer.status, 200);
      return (await answer.json()) as Access;
    }

    test("the token is for the user of the session, for fifteen minutes", async () => {
      const { token, ttl, sessionId, expiresAt, baseUrl } = await access(await cookieOf("alice"));
      const { uid, sid, tier, iat, exp } = claims(token);
      assert.deepEqual({ uid, sid, tier }, { uid: "alice", sid: sessionId, tier: "pro" });
      assert.equal(ttl, 900);
      assert.equal(Number(exp) - Number(iat), 900);
      assert.equal(Date.parse(expiresAt), Number(exp) * 1000);
      assert.equal(baseUrl, stage.gateway.origin);
    });

    test("a session keeps its id from token to token, and a new sign-in gets a new one", async () => {
      const [first, second] = [await cookieOf("alice"), await cookieOf("alice")];
      assert.equal((await access(first)).sessionId, (await access(first)).sessionId);
      assert.notEqual((await access(first)).sessionId, (await access(second)).sessionId);
    });

    test("without a session, or with one that somebody has written, there is no token", async () => {
      const session = JSON.stringify({ user: "alice", until: 1e15, behest_session: "s", behestSession: "s" });
      const forged = Buffer.from(session).toString("base64");
      const cookies = [`fastapi_session=${forged}`, `express_session=${forged}`];
      const real = await cookieOf("alice");
      for (const cookie of ["", ...cookies, real.slice(0, -3)]) {
        const answer = await post("/api/behest/token", { Cookie: cookie });
        assert.equal(answer.status, 401, cookie);
        assert.deepEqual(await answer.json(), { error: { message: "nobody is signed in" } });
        assert.equal((await fetch(`${stage.url}/api/me`, { headers: { Cookie: cookie } })).status, 401);
      }
    });

    test("a user id in the body, the query or a header changes nothing", async () => {
      const names = ["user_id", "userId", "user", "uid"];
      const body = Object.fromEntries(names.map((name) => [name, "alice"]));
      const query = names.map((name) => `${name}=alice`).join("&");
      const headers = { "X-End-User-Id": "alice", "X-User-Id": "alice", "X-Forwarded-User": "alice" };
      assert.equal((await post(`/api/behest/token?${query}`, headers, body)).status, 401);
      const Cookie = await cookieOf("bob");
      const wanted = { ...body, tier: "max", ttl: 86_400 };
      const answer = await post(`/api/behest/token?${query}`, { ...headers, Cookie }, wanted);
      const { token, ttl } = (await answer.json()) as Access;
      assert.deepEqual([claims(token).uid, claims(token).tier, ttl], ["bob", "free", 900]);
    });

    test("a wrong password, an unknown user and a malformed sign-in get no session", async () => {
      const attempts: [unknown, number][] = [
        [{ user: "alice", password: "the-builder" }, 401],
        [{ user: "admin", password: "" }, 401],
        [{ user: "", password: "" }, 401],
        [{ user: ["alice"], password: { $ne: "" } }, 422],
        [undefined, 422],
      ];
      for (const [body, status] of attempts) {
        const answer = await post("/api/login", {}, body);
        assert.equal(answer.status, status, JSON.stringify(body));
        assert.deepEqual(answer.headers.getSetCookie(), []);
      }
    });

    test("scripts and other sites do not reach the session's cookie, and signing out takes it back", async () => {
      const answer = await post("/api/login", {}, { user: "alice", password: PASSWORDS.alice });
      for (const cookie of answer.headers.getSetCookie()) {
        assert.match(cookie, /; ?httponly/i);
        assert.match(cookie, /; ?samesite=lax/i);
      }
      const gone = await post("/api/logout", { Cookie: await cookieOf("alice") });
      assert.equal(gone.status, 204);
      assert.match(gone.headers.getSetCookie().join("\n"), /=(null)?; .*expires=Thu, 01 Jan 1970/i);
    });

    test("a page of another origin gets nothing done, though the cookie came along", async () => {
      const Cookie = await cookieOf("alice");
      // Another port on this machine is the same site to a browser, which therefore sends the cookie.
      for (const Origin of ["http://localhost:1", "https://elsewhere.example", "null"]) {
        for (const path of ["/api/behest/token", "/api/login", "/api/logout"]) {
          const answer = await post(path, { Cookie, Origin }, { user: "alice", password: PASSWORDS.alice });
          assert.equal(answer.status, 403, `${path} from ${Origin}`);
          assert.deepEqual(answer.headers.getSetCookie(), []);
        }
      }
      assert.equal((await post("/api/behest/token", { Cookie, Origin: stage.url })).status, 200);
    });

    test("when no token can be made the answer says so, and neither it nor the log has the key", async () => {
      const revoked = `behest_sk_live_${"0".repeat(32)}`;
      const example = await startExample(name, stage.gateway, revoked);
      try {
        const Cookie = await cookieOf("alice", example);
        const answer = await post("/api/behest/token", { Cookie }, undefined, example);
        assert.equal(answer.status, 502);
        assert.deepEqual(await answer.json(), { error: { message: "no token could be made" } });
        assert.match(example.printed(), /no token for alice: .*invalid_token/);
        assert.ok(!example.printed().includes(revoked));
      } finally {
        await example.stop();
      }
    });

    test("the page may load its own files, call the app and the gateway, and nothing else", async () => {
      for (const file of ["", ...(await readdir(join(ROOT, "examples/chat-page")))]) {
        const path = `/${file}`;
        const answer = await fetch(stage.url + path);
        assert.equal(answer.status, 200, path);
        const policy = answer.headers.get("Content-Security-Policy") ?? "";
        assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
        assert.ok(policy.endsWith(`connect-src 'self' ${stage.gateway.origin}/`), policy);
        assert.ok(!(await answer.text()).includes("behest_sk"), path);
      }
      for (const path of ["/app.py", "/accounts.py", "/package.json", "/../fastapi/app.py", "/%2e%2e/fastapi/app.py"]) {
        assert.equal((await fetch(stage.url + path)).status, 404, path);
      }
    });

    test("it ends in order when it is told to", async () => {
      const example = await startExample(name, stage.gateway);
      await example.stop();
      assert.doesNotMatch(example.printed(), /Traceback|Error:/);
    });
  });
}
