// What a program that is about to end must wait for, so that its end finds everything under way.
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 20_000;

async function ask(baseUrl, path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return (await fetch(`${baseUrl}${path}`, options)).json();
}

/** From now on no answer begins; streams that have begun go on. */
export async function holdAnswers(baseUrl, chunkDelayMs) {
  await ask(baseUrl, "/settings", { delay_ms: 600_000, chunk_delay_ms: chunkDelayMs });
}

/** Waits until so many requests are open. */
export async function waitForOpen(baseUrl, count) {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { open } = await ask(baseUrl, "/stats");
    if (open === count) return;
    if (performance.now() > deadline) throw new Error(`${open} requests are open, and not ${count}`);
    await sleep(2);
  }
}
