// Runs the fakes of the providers, which are Python programs, and says what the gateway needs to know of them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { ROOT } from "./gateway.js";

const PYTHON = join(ROOT, ".venv/bin/python");

/** Why the fakes cannot run, if they cannot. */
export const MISSING = existsSync(PYTHON) ? false : "the fakes need Python: scripts/setup-python";

/** The providers that stand behind the gateway, as in `tests/clients/providers/running.py`. */
export const NAMES = ["openai", "anthropic", "gemini", "cohere", "mistral", "openrouter", "azure", "vertex"] as const;

export interface Fakes {
  /** What the gateway's configuration file says of them. */
  settings: string;
  /** The variables that it names. */
  environment: Record<string, string>;
  /** What to ask each of them for. */
  models: Record<string, string>;
  /** What to ask each of them for vectors, where it has any. */
  embedders: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts the fakes, and waits until they answer. */
export async function startFakes(): Promise<Fakes> {
  const child = spawn(PYTHON, ["-m", "providers"], {
    cwd: join(ROOT, "tests/clients"),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout);
  const first = await Promise.race([once(lines, "line"), ended]);
  if (typeof first[0] !== "string") throw new Error("the fakes ended before they began; stderr is above");
  return {
    ...(JSON.parse(first[0]) as Omit<Fakes, "stop">),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
