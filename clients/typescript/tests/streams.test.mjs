// Streams against a real server of two workers, over connections that break.
import assert from "node:assert/strict";
import { test } from "node:test";

import { AgentOS, ConnectionError } from "../dist/index.js";
import { proxyTo } from "./proxy.mjs";
import { all, client, each, GREETING, idsOf, key, newSession, runsIn, textOf, until, upTo, url } from "./support.mjs";

const through = (proxy, options) => new AgentOS({ baseUrl: proxy.url, key, ...options });

// The bytes of the whole answer of a request, with its head.
async function bytesOf(path, init = {}) {
  const response = await fetch(url + path, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });
  const body = (await response.arrayBuffer()).byteLength;
  return body + 600; // the head, and what chunks take
}

test("a stream has the run's events, each with its type's data, and ends with `complete`", async () => {
  const stream = client.runs.stream("helper", { input: "Greet me" });
  const events = await all(stream);
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.equal(events[0].type, "run_start");
  assert.equal(events.at(-1).type, "complete");
  assert.equal(events.at(-1).data.output, GREETING);
  assert.equal(textOf(events), GREETING);
  assert.equal(stream.runId, events[0].run_id);
  assert.equal(stream.lastEventId, events.length);
  assert.equal(stream.state, "closed");
});

for (const reset of [false, true]) {
  test(`a followed stream that is cut after any byte has every event once (${reset ? "reset" : "closed"})`, async (t) => {
    const whole = await all(client.runs.stream("helper", { input: "Greet me" }));
    const runId = whole[0].run_id;
    const size = await bytesOf(`/api/v1/runs/${runId}/events`);
    let cuts = 0;
    await each(
      upTo(size).filter((bytes) => bytes % (reset ? 7 : 3) === 0),
      40,
      async (bytes) => {
        const proxy = await proxyTo(t, url, { plan: [bytes], reset });
        const events = await all(through(proxy).runs.follow(runId));
        assert.deepEqual(events, whole, `cut after ${bytes} bytes`);
        cuts += proxy.cut.length;
      },
    );
    assert.ok(cuts > 100, `${cuts} cuts`);
  });
}

test("a stream that is cut after any region of its bytes has every event once, and starts one run", async (t) => {
  const session = await newSession();
  const size = await bytesOf("/api/v1/agents/helper/run/stream", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ input: "Greet me" }),
  });
  const cutsAfter = upTo(size).filter((bytes) => bytes % 29 === 1);
  await each(cutsAfter, 8, async (bytes) => {
    const proxy = await proxyTo(t, url, { plan: [bytes] });
    const events = await all(through(proxy).runs.stream("helper", { input: "Greet me", session_id: session }));
    assert.deepEqual(idsOf(events), upTo(events.length), `cut after ${bytes} bytes`);
    assert.equal(textOf(events), GREETING, `cut after ${bytes} bytes`);
  });
  assert.equal((await runsIn(session)).length, cutsAfter.length);
});

test("a stream whose every connection is cut soon arrives all the same", async (t) => {
  const proxy = await proxyTo(t, url, { plan: Array(100).fill(1400) });
  const states = [];
  const stream = through(proxy).runs.stream(
    "helper",
    { input: "Count to 20, one in 0.02 s" },
    { onState: (state) => states.push(state) },
  );
  const events = await all(stream);
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.equal(
    textOf(events),
    upTo(20)
      .map((number) => `${number} `)
      .join(""),
  );
  assert.ok(proxy.cut.length > 3);
  assert.deepEqual(states.slice(0, 4), ["connecting", "open", "waiting", "connecting"]);
  assert.equal(states.at(-1), "closed");
});

test("a run whose accepting answer is lost is not started twice", async (t) => {
  const session = await newSession();
  const proxy = await proxyTo(t, url, { plan: [0, 0] });
  const events = await all(through(proxy).runs.stream("helper", { input: "Hello", session_id: session }));
  assert.equal(textOf(events), "You said: Hello");
  assert.deepEqual(proxy.requests, Array(3).fill("POST /api/v1/agents/helper/run/stream"));
  assert.equal((await runsIn(session)).length, 1);
});

test("a server that is away for a while is waited for", async (t) => {
  const proxy = await proxyTo(t, url);
  const states = [];
  const stream = through(proxy).runs.stream(
    "helper",
    { input: "Count to 30, one in 0.1 s" },
    { onState: (state, error) => states.push([state, error]) },
  );
  const events = [];
  for await (const event of stream) {
    events.push(event);
    if (event.data.index === 5) {
      proxy.down();
      setTimeout(proxy.up, 1500);
    }
  }
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.equal(
    textOf(events),
    upTo(30)
      .map((number) => `${number} `)
      .join(""),
  );
  const waits = states.filter(([state]) => state === "waiting");
  assert.ok(waits.length >= 2);
  assert.ok(waits.every(([, error]) => error instanceof ConnectionError));
});

test("a server that stays away is given up, and the run is not lost", async (t) => {
  const proxy = await proxyTo(t, url);
  const stream = through(proxy).runs.stream("helper", { input: "Count to 5, one in 0.1 s" }, { reconnectTimeout: 300 });
  await assert.rejects(async () => {
    for await (const event of stream) if (event.type === "token") proxy.down();
  }, ConnectionError);
  const rest = await all(client.runs.follow(stream.runId, { after: stream.lastEventId }));
  assert.equal(rest[0].id, stream.lastEventId + 1);
  assert.equal(rest.at(-1).data.output, "1 2 3 4 5 ");
});

test("a connection that is silent counts as broken", async (t) => {
  const proxy = await proxyTo(t, url, { plan: [{ silentAfter: 1500 }] });
  const stream = through(proxy).runs.stream("helper", { input: "Count to 20, one in 0.02 s" }, { silence: 1000 });
  const events = await all(stream);
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.equal(
    textOf(events),
    upTo(20)
      .map((number) => `${number} `)
      .join(""),
  );
  assert.ok(proxy.connections >= 2);
});

test("heartbeats keep a quiet connection", async (t) => {
  const proxy = await proxyTo(t, url);
  const stream = through(proxy).runs.stream("helper", { input: "Count to 1, one in 5 s" }, { silence: 3500 });
  assert.equal(textOf(await all(stream)), "1 ");
  assert.equal(proxy.connections, 1);
});

test("a reader that takes its time is no silence", async (t) => {
  const proxy = await proxyTo(t, url);
  const events = [];
  for await (const event of through(proxy).runs.stream("helper", { input: "Greet me" }, { silence: 3000 })) {
    events.push(event);
    if (event.data.index === 0) await new Promise((next) => setTimeout(next, 4500));
  }
  assert.equal(textOf(events), GREETING);
  assert.equal(proxy.connections, 1);
});

test("an abort ends the iteration with its reason, and not the run", async () => {
  const controller = new AbortController();
  const stream = client.runs.stream("helper", { input: "Count to 10, one in 0.1 s" }, { signal: controller.signal });
  const reason = new Error("the page was left");
  await assert.rejects(async () => {
    for await (const event of stream) if (event.type === "token") controller.abort(reason);
  }, reason);
  const run = await client.runs.handle(stream.runId).wait();
  assert.equal(run.status, "completed");
});

test("leaving the loop ends the connection, and not the run", async (t) => {
  const proxy = await proxyTo(t, url);
  const stream = through(proxy).runs.stream("helper", { input: "Count to 10, one in 0.1 s" });
  for await (const event of stream) if (event.type === "token") break;
  assert.equal(stream.state, "closed");
  const run = await client.runs.handle(stream.runId).wait();
  assert.equal(
    run.content,
    upTo(10)
      .map((number) => `${number} `)
      .join(""),
  );
});

test("a run that is cancelled ends its stream", async () => {
  const stream = client.runs.stream("helper", { input: "Count to 100, one in 0.1 s" });
  const events = [];
  for await (const event of stream) {
    events.push(event);
    if (event.data.index === 1) await client.runs.cancel(stream.runId);
  }
  assert.deepEqual([events.at(-1).type, events.at(-1).data.code], ["error", "RUN_CANCELLED"]);
  assert.equal((await client.runs.cancel(stream.runId)).status, "cancelled");
});

test("a run that ended is followed from any event, and from its last one to nothing", async () => {
  const whole = await all(client.runs.stream("helper", { input: "Greet me" }));
  const [{ run_id: runId }] = whole;
  assert.deepEqual(await all(client.runs.follow(runId, { after: 3 })), whole.slice(3));
  assert.deepEqual(await all(client.runs.follow(runId, { after: whole.length })), []);
});

test("some types of events are asked for, and numbers are missing then", async () => {
  const stream = client.runs.stream("helper", { input: "Greet me" }, { types: ["reasoning"] });
  const events = await all(stream);
  assert.deepEqual(
    events.map(({ type }) => type),
    ["reasoning", "complete"],
  );
});

test("a stream is read once", async () => {
  const stream = client.runs.stream("helper", { input: "Hello" });
  await all(stream);
  await assert.rejects(all(stream), /read once/);
});

test("a run that fails ends its stream with `error`, which is no exception", async () => {
  const events = await all(client.runs.stream("helper", { input: "Fail" }));
  assert.deepEqual([events.at(-1).type, events.at(-1).data.details.cause], ["error", "PROVIDER_ERROR"]);
});

test("a run that pauses ends its stream, and its events continue after the answer", async () => {
  const stream = client.runs.stream("clerk", { input: "Pay me back" });
  const before = await all(stream);
  const { type, data } = before.at(-1);
  assert.equal(type, "paused");
  const { approver } = await import("./approver.mjs");
  const rest = client.runs.follow(stream.runId, { after: stream.lastEventId });
  const after = all(rest);
  await until(() => rest.state === "open");
  await approver.runs.resume(stream.runId, [{ id: data.pending[0].id, decision: "approve" }]);
  const events = [...before, ...(await after)];
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.ok(events.some((event) => event.type === "resumed"));
  assert.equal(events.at(-1).data.output, "The tool said: 500 paid back");
});

test("a stream can wait through a pause, over a connection that breaks", async (t) => {
  const proxy = await proxyTo(t, url);
  const { approver } = await import("./approver.mjs");
  const events = [];
  for await (const event of through(proxy).runs.stream("clerk", { input: "Pay me back" }, { throughPauses: true })) {
    events.push(event);
    if (event.type !== "paused") continue;
    proxy.down();
    setTimeout(proxy.up, 300);
    const answer = { id: event.data.pending[0].id, decision: "reject", message: "too much" };
    await approver.runs.resume(event.run_id, [answer]);
    assert.equal((await approver.runs.resume(event.run_id, [answer])).run_id, event.run_id);
  }
  assert.deepEqual(idsOf(events), upTo(events.length));
  assert.equal(events.at(-1).type, "complete");
});
