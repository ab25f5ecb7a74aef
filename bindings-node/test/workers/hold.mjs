// Two streams, of which the first waits for a chunk, and a pending call; tells when they are there.
import { parentPort, workerData } from "node:worker_threads";

import { Behest } from "@behest/client-ts";

const client = new Behest(workerData);
const messages = [{ role: "user", content: "hello" }];
const streams = await Promise.all([1, 2].map(() => client.chat.completions.create({ messages, stream: true })));
for (const stream of streams) await stream.next();
for (const promise of [streams[0].next(), client.chat.completions.create({ messages })]) promise.catch(() => {});
parentPort.postMessage("begun");
