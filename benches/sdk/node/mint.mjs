// Prints how many tokens are signed without a gateway, in what time.
import { load, Task } from "./clients.mjs";

const task = new Task(JSON.parse(process.argv[2]));
const { Behest } = await load(task);
const client = new Behest(task.options);
await client.auth.mint({ user_id: "bench" });
const began = performance.now();
const cpu = process.cpuUsage();
let mints = 0;
while (performance.now() < began + task.seconds * 1e3) {
  await client.auth.mint({ user_id: "bench" });
  mints += 1;
}
const { user, system } = process.cpuUsage(cpu);
const figures = { mints, seconds: (performance.now() - began) / 1e3, cpu_seconds: (user + system) / 1e6 };
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.reallyExit(0));
