// Prints the resident memory of a Node process over many calls, and over many streams that are given up.
import { open, Task } from "./clients.mjs";

const task = new Task(JSON.parse(process.argv[2]));
const made = await open(task);

/** Reads one chunk, and leaves the loop or lets the stream go. */
async function abandon(number) {
  const stream = await made.client.chat.completions.create(task.stream);
  if (number % 2 === 0) return void (await stream.next());
  for await (const _ of stream) break;
}

const work = { calls: () => made.call(), streams: abandon }[task.work];
const samples = [];
let started = 0;
async function repeat() {
  while (started < task.warm_up + task.count) {
    const number = started++;
    await work(number);
    const counted = number + 1 - task.warm_up;
    if (counted > 0 && counted % task.sample_each === 0) samples.push([counted, process.memoryUsage.rss()]);
  }
}

await Promise.all(Array.from({ length: task.concurrency }, repeat));
process.stdout.write(`${JSON.stringify(samples)}\n`, () => process.reallyExit(0));
