// A chat page behind a sign-in. The API key stays here; each browser gets short tokens of its own user.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";

import { Behest, BehestError, generateSessionId } from "@behest/client-ts";
import cookieSession from "cookie-session";
import express from "express";

import { findAccount, signIn } from "./accounts.js";

// How a browser names this app, as in https://chat.example.com. Without it, whatever host it was called by.
const APP_ORIGIN = process.env.APP_ORIGIN;
// Without a secret that stays, a restart signs everybody out.
const SESSION_SECRET = process.env.SESSION_SECRET || randomBytes(32).toString("hex");
const SESSION_MS = 12 * 3600 * 1000;
const TOKEN_SECONDS = 900;
const CHAT_PAGE = fileURLToPath(new URL("../chat-page", import.meta.url));

// One client for the whole process.
const behest = new Behest();

const app = express();
app.disable("x-powered-by");

// What a page of another origin sends is refused, and the browser is told what this page may do.
app.use((request, response, next) => {
  response.set({
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; " +
      `base-uri 'none'; frame-ancestors 'none'; connect-src 'self' ${behest.config.baseUrl}/`,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    // Answers of the API are one user's; of the page, the browser asks whether it has changed.
    "Cache-Control": request.path.startsWith("/api/") ? "no-store" : "no-cache",
  });
  // A cookie goes along whoever made the request. SameSite keeps it from other sites' requests, but another port and a
  // sister domain are the same site, so the origin has to be this app's own. Browsers name it with every POST; a
  // request without one comes from a program, which has nobody's cookie but its own.
  const own = APP_ORIGIN ?? `${request.protocol}://${request.get("host")}`;
  if (request.method === "POST" && (request.get("origin") ?? own) !== own) {
    return problem(response, 403, "this request comes from a page of another origin");
  }
  next();
});
// Signed, so that nobody can write their own; HttpOnly, so that no script can read it.
app.use(
  cookieSession({
    name: "express_session",
    keys: [SESSION_SECRET],
    maxAge: SESSION_MS,
    sameSite: "lax",
    httpOnly: true,
    secure: APP_ORIGIN?.startsWith("https://") ?? false,
  }),
);
app.use(express.json());

/** An error in the form that the gateway's have, so that the page reads both alike. */
function problem(response, status, message) {
  response.status(status).json({ error: { message } });
}

/** Finds the user of the session. Nothing else in a request says who somebody is. */
function signedIn(request, response, next) {
  // The cookie's own end is the browser's affair, so the session says when it ends, too.
  const { user, until } = request.session;
  request.account = Date.now() < until ? findAccount(user) : undefined;
  if (!request.account) return problem(response, 401, "nobody is signed in");
  next();
}

app.post("/api/login", async (request, response) => {
  const { user, password } = request.body ?? {};
  if (typeof user !== "string" || typeof password !== "string") {
    return problem(response, 422, "`user` and `password` are needed");
  }
  const account = await signIn(user, password);
  if (!account) return problem(response, 401, "the user name or the password is wrong");
  // One session of Behest for each sign-in: a token that is minted anew goes on where the last one ended.
  request.session = { user: account.id, until: Date.now() + SESSION_MS, behestSession: generateSessionId() };
  response.json({ user: account.id });
});

app.post("/api/logout", (request, response) => {
  request.session = null;
  response.status(204).end();
});

app.get("/api/me", signedIn, (request, response) => {
  response.json({ user: request.account.id });
});

// Mints a token for the page, with which it calls the gateway itself.
app.post("/api/behest/token", signedIn, async (request, response) => {
  try {
    const { token, ttl, sessionId, expiresAt } = await behest.auth.mint({
      user_id: request.account.id,
      session_id: request.session.behestSession,
      tier: request.account.tier,
      ttl: TOKEN_SECONDS,
    });
    response.json({ token, ttl, sessionId, expiresAt, baseUrl: behest.config.baseUrl });
  } catch (error) {
    if (!(error instanceof BehestError)) throw error;
    console.error(`no token for ${request.account.id}: ${error.message} (${error.code}, trace ${error.traceId})`);
    problem(response, 502, "no token could be made");
  }
});

app.use(express.static(CHAT_PAGE, { cacheControl: false }));
app.use((request, response) => problem(response, 404, "there is nothing here"));
app.use((error, request, response, next) => {
  if (!error.expose) console.error(error);
  problem(response, error.expose ? error.status : 500, error.expose ? error.message : "something went wrong");
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`The chat page is at http://localhost:${server.address().port}`);
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => server.close(() => behest.close()));
}
