// Workers that are killed while they stream.
import assert from "node:assert/strict";
import { test } from "node:test";

import { all, client, idsOf, name, newSession, runsIn, upTo } from "./support.mjs";

const onLinux = { skip: process.platform !== "linux" && "the server finds its workers in /proc" };

test("a run of an agent with retry_on_crash survives its worker", async () => {
  const events = await all(client.runs.stream("steady", { input: `Lose your worker, once: ${name()}` }));
  assert.deepEqual(idsOf(events), upTo(events.length));
  const starts = events.filter(({ type }) => type === "run_start");
  assert.equal(starts.at(-1).data.attempt, 2);
  assert.equal(events.at(-1).data.output, "Before. After.");
});

test("a run survives that all workers are killed", onLinux, async () => {
  const session = await newSession("steady");
  const stream = client.runs.stream(
    "steady",
    { input: `Lose all workers, once: ${name()}`, session_id: session },
    { silence: 10_000 },
  );
  const events = await all(stream);
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.equal(events.at(-1).data.output, "Before. After.");
  assert.equal((await runsIn(session)).length, 1);
});

test("a run whose worker is lost ends with an error", async () => {
  const events = await all(client.runs.stream("helper", { input: `Lose your worker now, once: ${name()}` }));
  const last = events.at(-1);
  assert.equal(last.type, "error");
  assert.deepEqual([last.data.code, last.data.details.cause], ["EXECUTION_ERROR", "WORKER_LOST"]);
});

test("a run that is started survives all workers, too", onLinux, async () => {
  const run = await client.runs.start("steady", { input: `Lose all workers, once: ${name()}` });
  assert.equal((await run.wait({ silence: 10_000 })).content, "Before. After.");
});
