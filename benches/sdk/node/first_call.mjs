// Prints how many milliseconds the import of a client takes, and how many it takes to the first answer, in a process
// that is new.
const began = performance.now();
const { load, open, Task } = await import("./clients.mjs");

const task = new Task(JSON.parse(process.argv[2]));
const start = performance.now();
if (task.package !== null) await load(task);
const loaded = performance.now();
await (await open(task)).call();
const figures = { import_ms: loaded - start, first_call_ms: performance.now() - began };
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.reallyExit(0));
