// What the page on clients of OpenAI shows works as it is pasted.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { baseURL, key } from "../shared/support.mjs";

test("the program for Vercel's AI SDK prints the answer", () => {
  const page = readFileSync(join(process.env.AGENTOS_CONFORMANCE_DOCS, "how-to", "openai-clients.md"), "utf8");
  const [, program] = page.match(/^## Vercel AI SDK$.*?^```js$(.*?)^```$/ms);
  const file = join(import.meta.dirname, "pasted.mjs");
  writeFileSync(file, program.replace("http://127.0.0.1:8080/v1", baseURL).replace('apiKey: "none"', `apiKey: "${key}"`));
  try {
    assert.match(execFileSync(process.execPath, [file], { encoding: "utf8" }), /Hello/);
  } finally {
    rmSync(file);
  }
});
