// Eight streams, read as fast as they come; tells of every chunk.
import { parentPort, workerData } from "node:worker_threads";

import { Behest } from "@behest/client-ts";

const client = new Behest(workerData);
const read = async () => {
  const messages = [{ role: "user", content: "hello" }];
  for await (const _ of await client.chat.completions.create({ messages, stream: true })) parentPort.postMessage("chunk");
};
await Promise.all(Array.from({ length: 8 }, read));
