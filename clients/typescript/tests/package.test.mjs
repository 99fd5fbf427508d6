// What would be published: its size, what a bundler leaves out, its types.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync } from "node:zlib";

import { build } from "esbuild";

const root = join(import.meta.dirname, "..");

async function bundled(program, options = {}) {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: root },
    bundle: true,
    minify: true,
    logLevel: "error",
    format: "esm",
    target: "es2022",
    platform: "browser",
    write: false,
    ...options,
  });
  return Buffer.from(outputFiles[0].contents);
}

for (const conditions of [[], ["source"]]) {
  test(`all of it is at most 6 KB (${conditions[0] ?? "built"})`, async () => {
    const all = await bundled('export * from "@agentos-server/client"', { conditions });
    assert.ok(all.includes("Idempotency-Key"));
    const size = brotliCompressSync(all).length;
    assert.ok(size <= 6 * 1024, `${size} bytes`);
  });
}

test("a bundler leaves out what is not used", async () => {
  const errors = await bundled('import { APIError } from "@agentos-server/client"; console.log(APIError)');
  assert.ok(errors.length < 2000, `${errors.length} bytes`);
  assert.equal((await bundled('import "@agentos-server/client"')).length, 0);
});

test("it needs no module of Node.js and nothing but eventsource-parser", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(dependencies), ["eventsource-parser"]);
});

test("its types say what the API takes and gives", () => {
  // Each wrong line of the file has to be an error: @ts-expect-error is one itself where there is none.
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(process.execPath, [tsc, "--project", join(root, "tests")], { encoding: "utf8" });
  } catch (error) {
    assert.fail(error.stdout);
  }
});
