// A folder in which the package is installed beside a version of OpenAI's, for programs in processes of their own.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

export interface Ended {
  code: number;
  out: string;
  err: string;
}

export class Workspace implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "behest-node-"));

  /** `openai` is a folder of node_modules, or none; without `native` there is no native module. */
  constructor({ openai, native = true }: { openai?: string; native?: boolean } = {}) {
    this.install("@behest/client-ts", native);
    if (openai) symlinkSync(join(PACKAGE, "node_modules", openai), join(this.folder, "node_modules/openai"));
  }

  /** Copies the package under a name. */
  install(name: string, native = true): void {
    const place = join(this.folder, "node_modules", name);
    mkdirSync(place, { recursive: true });
    cpSync(join(PACKAGE, "package.json"), join(place, "package.json"));
    cpSync(join(PACKAGE, "dist"), join(place, "dist"), { recursive: true });
    if (native) symlinkSync(join(PACKAGE, "behest.node"), join(place, "behest.node"));
  }

  run(source: string, { env = {}, flags = [] }: { env?: NodeJS.ProcessEnv; flags?: string[] } = {}): Promise<Ended> {
    const words = [...flags, "--input-type=module", "--eval", source];
    const quiet = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(BEHEST_|NODE_)/.test(name)));
    return new Promise((resolve) => {
      execFile(process.execPath, words, { cwd: this.folder, env: { ...quiet, ...env } }, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, out, err });
      });
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
