// The programs of the README, and of the page on this client, work as they are pasted.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { approvingKey, key, name, newSession, runsIn, upTo, url } from "./support.mjs";

const root = join(import.meta.dirname, "..");
const readme = join(root, "README.md");
const page = join(process.env.AGENTOS_CONFORMANCE_DOCS, "how-to", "typescript-client.md");

// What each program prints, by the heading above it.
const PRINTED = {
  "Stream a run": /^You said: Write me a poem$/,
  "Come back to a run": /^1 run_start\n2 token\n[^]*\d complete\ncompleted You said: Write me a poem\n$/,
  "Send any request": /^[^]* Poems\n[^]*404 SESSION_NOT_FOUND session with ID [^]*$/,
  "Stop, or leave": /^RUN_CANCELLED\n$/,
  "Answer a run that waits": /^refund \{ amount: 500 \}\nThe tool said: 500 paid back\n$/,
};

function programsOf(file) {
  let heading;
  const parts = readFileSync(file, "utf8").matchAll(/^## ([^\n]*)$|^```js$(.*?)^```$/gms);
  return [...parts].flatMap(
    ([, title, program]) => ((heading = title ?? heading), program ? [[heading, program]] : []),
  );
}

const programs = [...programsOf(readme), ...programsOf(page)];
const inPage = programs.splice(
  programs.findIndex(([title]) => title === "In a page"),
  1,
)[0][1];

// A file beside the package, so that it finds the package by its name.
function pasted(t, program) {
  const file = join(root, `pasted-${name()}.mjs`);
  writeFileSync(file, program.replaceAll("http://127.0.0.1:8080", url).replaceAll('"assistant"', '"helper"'));
  t.after(() => rmSync(file));
  return file;
}

test("all programs are tested", () =>
  assert.deepEqual(
    programs.map(([title]) => title),
    Object.keys(PRINTED),
  ));

for (const [title, program] of programs) {
  test(`the program "${title}" works`, async (t) => {
    const slow = program.replace("Count to a thousand", "Count to 1000, one in 0.1 s");
    const env = { ...process.env, AGENTOS_KEY: key, AGENTOS_APPROVER_KEY: approvingKey };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [pasted(t, slow)], { env });
    assert.match(stdout, PRINTED[title]);
    assert.equal(stderr, "");
  });
}

// What the page's program needs of a browser. What it shows is printed; what it keeps is kept, as over a reload.
const BROWSER = `
import { readFileSync, writeFileSync } from "node:fs";
const file = process.env.KEPT;
const kept = new Map(Object.entries(JSON.parse(readFileSync(file, "utf8"))));
const save = () => writeFileSync(file, JSON.stringify(Object.fromEntries(kept)));
globalThis.sessionStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => (kept.set(name, value), save()),
  removeItem: (name) => (kept.delete(name), save()),
};
const element = (id) => ({ set textContent(text) { console.log(JSON.stringify([id, text])); } });
globalThis.document = { querySelector: element };
`;

test("the page's program shows the whole text after reloads, and starts one run", async (t) => {
  const session = await newSession();
  const kept = join(root, `kept-${name()}.json`);
  writeFileSync(kept, JSON.stringify({ key }));
  t.after(() => rmSync(kept));
  const body = `{ input: "Count to 20, one in 0.1 s", session_id: "${session}" }`;
  const program = inPage
    .replace('{ input: "Write me a poem" }', body)
    .replace("new AgentOS({", `new AgentOS({ baseUrl: "${url}",`);
  const file = pasted(t, BROWSER + program);
  let shown = [];
  for (const reloadAt of [0, 3, Infinity]) {
    const visit = spawn(process.execPath, [file], {
      env: { ...process.env, KEPT: kept },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    visit.stdout.on("data", (data) => {
      printed += data;
      const texts = printed.split("\n").filter((line) => line.startsWith('["#answer"')).length;
      if (texts >= reloadAt && printed.includes("connecting")) visit.kill("SIGKILL");
    });
    await once(visit, "close");
    shown = printed
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }
  assert.equal(
    shown.findLast(([id]) => id === "#answer")[1],
    upTo(20)
      .map((number) => `${number} `)
      .join(""),
  );
  assert.deepEqual(shown.at(-1), ["#status", "closed"]);
  assert.equal((await runsIn(session)).length, 1);
  assert.deepEqual(JSON.parse(readFileSync(kept, "utf8")), { key });
});
