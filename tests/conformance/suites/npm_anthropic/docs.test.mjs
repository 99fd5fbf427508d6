// What the page on clients of Anthropic shows works as it is pasted.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { key, url } from "../shared/support.mjs";

test("the program for Anthropic's library prints the answer", () => {
  const page = readFileSync(join(process.env.AGENTOS_CONFORMANCE_DOCS, "how-to", "anthropic-clients.md"), "utf8");
  const [, program] = page.match(/^## The Anthropic library for JavaScript$.*?^```js$(.*?)^```$/ms);
  const file = join(import.meta.dirname, "pasted.mjs");
  writeFileSync(file, program.replace("http://127.0.0.1:8080", url).replace('apiKey: "none"', `apiKey: "${key}"`));
  try {
    assert.match(execFileSync(process.execPath, [file], { encoding: "utf8" }), /Hello/);
  } finally {
    rmSync(file);
  }
});
