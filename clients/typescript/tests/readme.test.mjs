// The programs of the README work as they are pasted.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { key, name, url } from "./support.mjs";

const root = join(import.meta.dirname, "..");

// What each program prints, by the heading above it.
const PRINTED = {
  "Stream a run": /^You said: Write me a poem$/,
  "Come back to a run": /^1 run_start\n2 token\n[^]*\d complete\ncompleted You said: Write me a poem\n$/,
  "Send any request": /^[^]* Poems\n[^]*404 SESSION_NOT_FOUND session with ID [^]*$/,
};

const programs = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^## ([^\n]*)$|^```js$(.*?)^```$/gms)];
let heading;
const named = programs.flatMap(([, title, program]) => ((heading = title ?? heading), program ? [[heading, program]] : []));

test("all programs are tested", () => assert.deepEqual(named.map(([title]) => title), Object.keys(PRINTED)));

for (const [title, program] of named) {
  test(`the program "${title}" works`, async () => {
    const file = join(root, `pasted-${name()}.mjs`);
    const env = { ...process.env, AGENTOS_KEY: key };
    writeFileSync(file, program.replaceAll("http://127.0.0.1:8080", url).replaceAll('"assistant"', '"helper"'));
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { env });
      assert.match(stdout, PRINTED[title]);
      assert.equal(stderr, "");
    } finally {
      rmSync(file);
    }
  });
}
