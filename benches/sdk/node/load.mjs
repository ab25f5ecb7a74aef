// Asks one address with one client, again and again, and prints what was done in the measured time and what it cost.
import { setTimeout as sleep } from "node:timers/promises";

import { open, Task } from "./clients.mjs";

const task = new Task(JSON.parse(process.argv[2]));

/** Where the count stands, and the CPU time of all threads of this process so far. */
function now() {
  const { user, system } = process.cpuUsage();
  return {
    seconds: performance.now() / 1e3,
    cpu_seconds: (user + system) / 1e6,
    calls: task.calls,
    chunks: task.chunks,
  };
}

const client = await open(task);
async function repeat() {
  while (!task.stopped) await client[task.work]();
}

// A worker that fails ends the process with its error.
for (let worker = 0; worker < task.concurrency; worker += 1) void repeat();
await sleep(task.warm_up * 1e3);
const before = now();
await sleep(task.seconds * 1e3);
const after = now();
const done = Object.fromEntries(Object.keys(before).map((name) => [name, after[name] - before[name]]));
process.stdout.write(`${JSON.stringify(done)}\n`, () => process.reallyExit(0));
