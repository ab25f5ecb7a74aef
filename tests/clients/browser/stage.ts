// What a test of an example needs: a gateway whose only model the test speaks for, and the example in front of it.
import assert from "node:assert/strict";

import type { Page } from "playwright-core";

import { type Gateway, start } from "../node/gateway.js";
import { type Example, startExample } from "./example.js";
import { startUpstream, type Upstream } from "./upstream.js";

export const PASSWORDS: Record<string, string> = { alice: "wonderland", bob: "the-builder" };

export interface Stage {
  gateway: Gateway;
  upstream: Upstream;
  example: Example;
  /** The example's address in a browser. */
  url: string;
  stop(): Promise<void>;
}

export async function setStage(name: string): Promise<Stage> {
  const stops: (() => Promise<void> | void)[] = [];
  // The last to start stops first, and what has started stops when the next one fails.
  const stop = async () => {
    for (let next = stops.pop(); next; next = stops.pop()) await next();
  };
  try {
    const upstream = await startUpstream();
    stops.push(() => upstream.close());
    const gateway = await start();
    stops.push(() => gateway.stop());
    // Unchecked: it plays a model and lists none.
    const provider = { name: "scripted", base_url: upstream.baseURL, local: true, models: ["tale"], check: false };
    await control(gateway, "POST", `tenants/${gateway.tenantId}/providers`, provider);
    await deploy(gateway, { provider_model: "scripted/tale" });
    const example = await startExample(name, gateway);
    stops.push(() => example.stop());
    return { gateway, upstream, example, url: `http://localhost:${example.port}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Calls the control plane with the operator's secret. */
export async function control(gateway: Gateway, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${gateway.origin}/v1/${path}`, {
    method,
    headers: { "X-Admin-Secret": gateway.adminSecret, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.text());
}

/** Changes settings of the project and puts them in force. */
export async function deploy(gateway: Gateway, settings: object): Promise<void> {
  await control(gateway, "PUT", `projects/${gateway.projectId}/settings`, settings);
  await control(gateway, "POST", `projects/${gateway.projectId}/deploy`);
}

/** Opens the page, signs in, and waits for the chat. */
export async function signIn(page: Page, url: string, user: string): Promise<void> {
  await page.goto(url);
  await enter(page, user);
}

/** Signs in at the form that is open, and waits for the chat. */
export async function enter(page: Page, user: string): Promise<void> {
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(PASSWORDS[user] ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(`Signed in as ${user}`).waitFor();
}

/** Writes a message and sends it. */
export async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel("Your message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** Waits until something on the page says exactly this. */
export async function says(page: Page, selector: string, text: string): Promise<void> {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  await page.locator(selector, { hasText: new RegExp(`^\\s*${escaped}\\s*$`) }).waitFor();
}

/** Waits for the end of the answer, when the page lets the next message be sent. */
export async function answered(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Send" }).waitFor();
}

/** The payload of a token. */
export function claims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
