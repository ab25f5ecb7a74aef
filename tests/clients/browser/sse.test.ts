// The examples' reader of server-sent events, in a browser, fed byte by byte.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { ROOT } from "../node/gateway.js";
import { launch } from "./browser.js";

let browser: Browser;
let page: Page;
const server = createServer(async (request, response) => {
  const script = await readFile(join(ROOT, "examples/chat-page/sse.js"));
  if (request.url === "/sse.js") response.setHeader("Content-Type", "text/javascript").end(script);
  else response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Events</title>");
});
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await launch();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
after(async () => {
  await browser?.close();
  server.close();
});

/** Reads the events of a text that comes in pieces of so many bytes. */
function events(text: string, size: number): Promise<string[]> {
  return page.evaluate(
    async ([text, size]) => {
      const { readEvents } = await import(`${location.origin}/sse.js`);
      const bytes = new TextEncoder().encode(text);
      const body = new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
          controller.close();
        },
      });
      const read: string[] = [];
      for await (const data of readEvents(body)) read.push(data);
      return read;
    },
    [text, size] as const,
  );
}

const CASES: [what: string, text: string, events: string[]][] = [
  ["events", 'data: {"a":1}\n\ndata: [DONE]\n\n', ['{"a":1}', "[DONE]"]],
  ["characters of several bytes", "data: 🐉 là 日本\n\n", ["🐉 là 日本"]],
  ["comments, ids and event names", ": ping\n\nid: 7\nevent: x\ndata: a\n\n: ping\n\n", ["a"]],
  ["events of several lines", "data: a\ndata: b\ndata:\ndata\n\n", ["a\nb\n\n"]],
  ["every end of a line", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]],
  ["one space after the colon, and no more", "data:a\n\ndata:  b\n\ndata: c:d\n\n", ["a", " b", "c:d"]],
  ["line separators of other kinds", "data: a\u2028b\u0085c\n\n", ["a\u2028b\u0085c"]],
  ["a byte order mark", "\ufeffdata: a\n\n", ["a"]],
  ["no event that was not closed", "data: a\n\ndata: b\n", ["a"]],
  ["nothing", "", []],
];
for (const [what, text, expected] of CASES) {
  test(`reads ${what}, wherever the network cuts`, async () => {
    for (const size of [1, 2, 3, 5, 1024]) {
      assert.deepEqual(await events(text, size), expected, `${size} bytes a piece`);
    }
  });
}

test("leaving the loop cancels the body", async () => {
  const cancelled = await page.evaluate(async () => {
    const { readEvents } = await import(`${location.origin}/sse.js`);
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    void writer.write(new TextEncoder().encode("data: a\n\n"));
    for await (const data of readEvents(readable)) if (data === "a") break;
    // The writing end hears of it.
    return writer.closed.then(() => false, () => true);
  });
  assert.ok(cancelled);
});
