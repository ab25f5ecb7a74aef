// The process exits while streams and calls are under way.
import { begin } from "./begin.mjs";

globalThis.kept = await begin(JSON.parse(process.argv[2]));
process.exit(0);
