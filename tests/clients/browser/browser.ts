// A real browser, and a site of another origin for its pages.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { type Browser, chromium, type Page } from "playwright-core";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKAGE = join(HERE, "../node_modules/openai");
const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };

/** A name that is nobody's, which the browser resolves to this machine. */
export const STRANGER = "app.example.test";

/** What a page could see of a call. */
export interface Seen {
  status?: number;
  headers?: Record<string, string>;
  text?: string;
  /** Why it could see nothing. */
  blocked?: string;
}

/** Starts Debian's Chromium, or the one that `BEHEST_CHROMIUM` names. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.BEHEST_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      // Root, as which containers and CI run, cannot have the sandbox.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      // Without these it calls home at its start.
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP ${STRANGER} 127.0.0.1`,
    ],
  });
}

/** A web site on a port of its own. */
export interface Site {
  port: number;
  close(): void;
}

/** Serves the page, and OpenAI's package as it was installed. */
export async function serveSite(): Promise<Site> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const file = pathname.startsWith("/openai/") ? join(PACKAGE, pathname.slice(8)) : join(HERE, "page.html");
    readFile(file).then(
      (bytes) => response.setHeader("Content-Type", TYPES[extname(file)] ?? "text/plain").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** Opens the page at an origin and waits until its script has run. */
export async function open(browser: Browser, origin: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  return page;
}

/** Lets the page call, and returns what it could see. */
export function call(page: Page, url: string, init: RequestInit): Promise<Seen> {
  return page.evaluate(([url, init]) => (globalThis as any).call(url, init), [url, init] as const);
}

/** Lets the page chat through OpenAI's package, and returns the text of the answer. */
export function chat(page: Page, baseURL: string, apiKey: string, content: string): Promise<string> {
  return page.evaluate(
    ([baseURL, apiKey, content]) => (globalThis as any).chat(baseURL, apiKey, content),
    [baseURL, apiKey, content] as const,
  );
}
