// Begins streams, of which every other one is read on and on, and calls that are not answered.
import { pathToFileURL } from "node:url";

import { holdAnswers, waitForOpen } from "./upstream.mjs";

async function read(stream) {
  for await (const _ of stream);
}

export async function begin(told) {
  const { Behest } = await import(pathToFileURL(told.package).href);
  const client = new Behest({ key: told.key, baseUrl: told.base_url });
  const kept = [];
  for (let number = 0; number < told.streams; number += 1) {
    const stream = await client.chat.completions.create(told.stream);
    await stream.next();
    kept.push(number % 2 === 0 ? stream : read(stream));
  }
  await holdAnswers(told.base_url, told.chunk_delay_ms);
  for (let number = 0; number < told.calls; number += 1) kept.push(client.chat.completions.create(told.plain));
  await waitForOpen(told.base_url, told.streams + told.calls);
  return kept;
}
