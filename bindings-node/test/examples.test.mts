// Every program of the documentation and of the comments on public names compiles, and runs against a gateway.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";

import * as behest from "@behest/client-ts";
import ts from "typescript";

import { type Gateway, ROOT, start } from "../../tests/clients/node/gateway.js";
import { PACKAGE } from "./workspace.mjs";

const require = createRequire(import.meta.url);
/** Inside the package, whose own name resolves from there. */
const FOLDER = join(PACKAGE, "test/.examples");

interface Example {
  name: string;
  /** Where its JavaScript is, once it is compiled. */
  path: string;
}

/** What the comments' examples, which are parts of programs, find around them. */
const around = `
import { ${Object.keys(behest).join(", ")} } from "@behest/client-ts";
const client = new Behest();
`;

function examples(): Example[] {
  const sources = readdirSync(join(PACKAGE, "lib"), { recursive: true, encoding: "utf8" });
  const pages = ["bindings-node/README.md", "docs/typescript.md", "docs/migrate-typescript.md"];
  const files = [...sources.filter((name) => name.endsWith(".ts")).map((name) => `bindings-node/lib/${name}`), ...pages];
  return files.flatMap((place) => {
    const text = readFileSync(join(ROOT, place), "utf8");
    return [...text.matchAll(/^( *\* )?```ts\n([^]*?)^( *\* )?```/gm)].map(([, margin, code = ""], index) => {
      const body = margin ? code.replaceAll(/^ *\* ?/gm, "") : code;
      const source = body.includes("import {") ? body : around + body;
      const name = `${place} ${index + 1}`;
      const file = name.replaceAll(/\W+/g, "-");
      // A module, so that each has names of its own.
      writeFileSync(join(FOLDER, `${file}.mts`), `${source}\nexport {};\n`);
      return { name, path: join(FOLDER, "out", `${file}.mjs`) };
    });
  });
}

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const found = examples();

let gateway: Gateway;
before(async () => {
  gateway = await start();
  process.env.BEHEST_KEY = gateway.apiKey;
  process.env.BEHEST_BASE_URL = gateway.origin;
});
after(async () => {
  await gateway?.stop();
  rmSync(FOLDER, { recursive: true, force: true });
});

test("every example compiles", () => {
  assert.ok(found.length > 30, `${found.length} were found`);
  const config = { extends: "../tsconfig.json", compilerOptions: { noEmit: false, rootDir: ".", outDir: "out" }, include: ["*.mts"] };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify(config));
  const words = [require.resolve("typescript/bin/tsc"), "-p", FOLDER];
  try {
    execFileSync(process.execPath, words, { encoding: "utf8" });
  } catch (error) {
    assert.fail((error as { stdout: string }).stdout);
  }
});

for (const { name, path } of found) {
  test(`${name} runs`, async () => {
    // In a worker, which keeps what it prints to itself.
    const worker = new Worker(path, { execArgv: [], stdout: true, stderr: true });
    let printed = "";
    worker.stderr.on("data", (piece) => (printed += piece));
    const [code] = await once(worker, "exit");
    // The names that are deprecated say so.
    assert.deepEqual([code, printed.replaceAll(/^.*(DeprecationWarning|--trace-deprecation).*\n/gm, "")], [0, ""]);
  });
}

/** What has no documentation of its own: the names that a symbol brings, below `prefix`. */
function undocumented(checker: ts.TypeChecker, symbol: ts.Symbol, prefix = ""): string[] {
  const real = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const name = prefix + symbol.name;
  const own = real.getDocumentationComment(checker).length > 0 ? [] : [name];
  const members = [...(real.members?.values() ?? []), ...(real.exports?.values() ?? [])];
  const spoken = members.filter((member) => !/^(__|#)|^prototype$/.test(member.name) && !isHidden(member));
  return [...own, ...spoken.flatMap((member) => undocumented(checker, member, `${name}.`))];
}

/** Members that nobody calls by name, and those whose meaning their class tells. */
function isHidden(symbol: ts.Symbol): boolean {
  const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0];
  if (declaration === undefined || ts.isTypeParameterDeclaration(declaration)) return true;
  return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) !== 0;
}

test("every public name is documented", () => {
  const program = ts.createProgram([join(PACKAGE, "dist/index.d.ts")], { module: ts.ModuleKind.NodeNext, strict: true });
  const checker = program.getTypeChecker();
  const entry = checker.getSymbolAtLocation(program.getSourceFile(join(PACKAGE, "dist/index.d.ts")) as ts.SourceFile);
  const missing = checker.getExportsOfModule(entry as ts.Symbol).flatMap((symbol) => undocumented(checker, symbol));
  assert.deepEqual(missing, []);
});
