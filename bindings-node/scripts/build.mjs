// Builds dist/ from lib/: CommonJS with its types, and an ES module beside it that hands on the same names.
//
// There is one copy of the code, whichever way it is loaded: its classes are the same for `instanceof`, and what is
// said once in a process is said once.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const require = createRequire(import.meta.url);

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", root], { stdio: "inherit" });

// Read by Node without running it, so the names are written out.
const names = Object.keys(require(join(dist, "index.js"))).sort();
writeFileSync(join(dist, "index.mjs"), `export { ${names.join(", ")} } from "./index.js";\n`);
copyFileSync(join(dist, "index.d.ts"), join(dist, "index.d.mts"));
