// The package tells the version of the workspace that it was built from.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { version } from "@behest/client-ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("the native module tells the workspace version", () => {
  const section = read("../../Cargo.toml").split("[workspace.package]")[1] ?? "";
  assert.equal(version(), /^version = "(.+)"$/m.exec(section)?.[1]);
});

test("package.json carries the same version", () => {
  assert.equal(JSON.parse(read("../package.json")).version, version());
});
