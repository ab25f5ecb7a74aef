// A worker is terminated while its streams and calls are under way. The process goes on, and sees that every request
// has ended at the upstream.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { begin } from "./begin.mjs";
import { waitForOpen } from "./upstream.mjs";

if (isMainThread) {
  const told = JSON.parse(process.argv[2]);
  const worker = new Worker(new URL(import.meta.url), { workerData: told });
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  await waitForOpen(told.base_url, 0);
} else {
  globalThis.kept = await begin(workerData);
  parentPort.postMessage("begun");
}
