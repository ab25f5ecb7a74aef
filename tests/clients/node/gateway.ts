// Starts `behest serve` as a stranger would, with nothing configured unless a test says so, and stops it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

export interface Gateway {
  /** The base URL for OpenAI's packages. */
  baseURL: string;
  origin: string;
  apiKey: string;
  /** The operator's secret, for the control plane. */
  adminSecret: string;
  tenantId: string;
  projectId: string;
  /** The Host that names the project. */
  slugHost: string;
  stop(): Promise<void>;
}

/** The program that cargo built. */
function binary(): string {
  return process.env.BEHEST_BIN ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug", "behest");
}

/** What a gateway is told: the text of its configuration file, and the variables that it names. */
export interface Configuration {
  settings: string;
  environment: Record<string, string>;
}

/** Runs a gateway with a data directory of its own, and waits for the JSON object that says that it is ready. */
export async function start(configured?: Configuration): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), "behest-clients-"));
  const file = join(folder, "behest.toml");
  writeFileSync(file, configured?.settings ?? "");
  const flags = ["serve", "--port", "0", "--json", "--no-profile", "--data-dir", join(folder, "data"), "--config", file];
  const child = spawn(join(ROOT, "scripts/without-providers"), [binary(), ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...configured?.environment },
  });
  const ended = once(child, "exit");
  const watchdog = setTimeout(() => child.kill("SIGKILL"), 30_000);

  const ready = await new Promise<Record<string, string>>((resolve, reject) => {
    let text = "";
    // The listener stays, so that a full pipe never stops the gateway.
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      const object = parse(text);
      if (object !== undefined) resolve(object);
    });
    child.stdout.on("end", () => {
      reject(new Error(`\`behest serve\` did not say that it is ready; its stdout was ${JSON.stringify(text)}`));
    });
    child.on("error", reject);
  })
    .catch((error: unknown) => {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    })
    .finally(() => clearTimeout(watchdog));

  const origin = (ready.base_url ?? "").replace(/\/+$/, "").replace(/\/v1$/, "");
  return {
    baseURL: `${origin}/v1`,
    origin,
    apiKey: ready.api_key ?? "",
    adminSecret: ready.admin_secret ?? "",
    tenantId: ready.tenant_id ?? "",
    projectId: ready.project_id ?? "",
    slugHost: `${ready.slug}.localhost:${new URL(origin).port}`,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Returns undefined until the whole object has come. */
function parse(text: string): Record<string, string> | undefined {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return undefined;
  }
}
