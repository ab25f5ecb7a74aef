// The TypeScript SDK of Behest, the AI backend for applications.
import { createRequire } from "node:module";

// Node loads native modules by `require` alone.
const native = createRequire(import.meta.url)("../behest.node");

export const version = native.version;
