// Starts an example as its reader would, and stops it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { type Gateway, ROOT } from "../node/gateway.js";

const COMMANDS: Record<string, string[]> = {
  fastapi: [join(ROOT, ".venv/bin/python"), "app.py"],
  "node-express": [process.execPath, "app.js"],
};
/** The examples, which are one app on two servers. */
export const EXAMPLES = Object.keys(COMMANDS);

export interface Example {
  port: number;
  /** What it has printed so far. */
  printed(): string;
  stop(): Promise<void>;
}

/** Runs an example on a port of its own, and waits until it says where it is. */
export async function startExample(name: string, gateway: Gateway, key = gateway.apiKey): Promise<Example> {
  const [program = "", ...words] = COMMANDS[name] ?? [];
  const child = spawn(program, words, {
    cwd: join(ROOT, "examples", name),
    env: { ...process.env, PORT: "0", BEHEST_BASE_URL: gateway.baseURL, BEHEST_KEY: key },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const watchdog = setTimeout(() => child.kill("SIGKILL"), 60_000);
  let text = "";
  const port = await new Promise<number>((resolve, reject) => {
    const read = (piece: string) => {
      text += piece;
      const found = /http:\/\/[\w.]+:(\d+)/.exec(text);
      if (found) resolve(Number(found[1]));
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`examples/${name} did not start:\n${text}`)));
  }).finally(() => clearTimeout(watchdog));
  return { port, printed: () => text, stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  await ended;
}
