// Makes a client where the native module is missing: on the processor that the first argument names, or on this one.
const [arch] = process.argv.slice(2);
if (arch) Object.defineProperty(process, "arch", { value: arch });

const { Behest, version } = require("@behest/client-ts");
for (const use of [version, () => new Behest({ key: "behest_sk_live_none" })]) {
  try {
    use();
    process.exitCode = 1;
  } catch (error) {
    console.log(error.message);
  }
}
