// Requests, retries and errors against a real server.
import assert from "node:assert/strict";
import { test } from "node:test";

import { AgentOS, AgentOSError, APIError, ConnectionError } from "../dist/index.js";
import { proxyTo } from "./proxy.mjs";
import { all, client, GREETING, key, name, newSession, readingKey, runsIn, url } from "./support.mjs";

test("an operation of openapi.yaml takes its path parameters, query and body", async () => {
  const made = await client.request("POST", "/api/v1/sessions", { body: { agent_id: "helper", name: "Trip to Rome" } });
  assert.equal(made.response.status, 201);
  const { data } = await client.request("GET", "/api/v1/sessions/{session_id}", {
    params: { session_id: made.data.session_id },
  });
  assert.equal(data.name, "Trip to Rome");
});

test("a list is read page by page, to its end", async () => {
  const user = name();
  const ids = [];
  for (const _ of Array(5)) {
    const { data } = await client.request("POST", "/api/v1/sessions", { body: { agent_id: "helper", user_id: user } });
    ids.unshift(data.session_id);
  }
  const pages = await all(client.list("/api/v1/sessions", { user_id: user, limit: 2 }));
  assert.deepEqual(
    pages.map(({ count }) => count),
    [2, 2, 1],
  );
  assert.deepEqual(
    pages.flatMap(({ sessions }) => sessions.map(({ session_id }) => session_id)),
    ids,
  );
});

test("an error has its status, code, message and request id", async () => {
  await assert.rejects(client.runs.run("nobody-here", { input: "Hello" }), (error) => {
    assert.ok(error instanceof APIError && error instanceof AgentOSError && error instanceof Error);
    assert.deepEqual([error.status, error.code, error.retryable], [404, "AGENT_NOT_FOUND", false]);
    assert.match(error.message, /nobody-here/);
    assert.ok(error.requestId);
    return true;
  });
});

test("the fields of a refused body are in the error's details", async () => {
  await assert.rejects(client.runs.run("helper", { input: "Hello", colour: "red" }), (error) => {
    assert.deepEqual([error.status, error.code], [400, "INVALID_REQUEST"]);
    assert.ok("colour" in error.details.fields);
    return true;
  });
});

test("a credential that may not, and none, are errors of their own", async () => {
  const reader = new AgentOS({ baseUrl: url, key: readingKey });
  await assert.rejects(reader.runs.start("helper", { input: "Hello" }), {
    name: "APIError",
    status: 403,
    code: "FORBIDDEN",
  });
  await assert.rejects(new AgentOS({ baseUrl: url }).runs.list(), { status: 401, code: "UNAUTHENTICATED" });
  await assert.rejects(all(reader.runs.stream("helper", { input: "Hello" })), { status: 403, code: "FORBIDDEN" });
});

test("the key is asked for at each request", async () => {
  let now = "wrong";
  const asking = new AgentOS({ baseUrl: `${url}/`, key: () => now });
  await assert.rejects(asking.runs.list(), { status: 401 });
  now = key;
  await asking.runs.list();
});

test("a server that is not there is a ConnectionError, which says what was asked and why", async (t) => {
  const proxy = await proxyTo(t, url);
  proxy.down();
  const away = new AgentOS({ baseUrl: proxy.url, key, retries: 1 });
  await assert.rejects(away.runs.list(), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /^GET \/api\/v1\/runs: /);
    assert.ok(error.cause);
    return true;
  });
});

test("an answer that breaks off is asked for again, where that is safe", async (t) => {
  const proxy = await proxyTo(t, url, { plan: [0, 300] });
  const { runs } = await new AgentOS({ baseUrl: proxy.url, key }).runs.list({ limit: 1 });
  assert.ok(runs);
  assert.equal(proxy.requests.length, 3);
});

test("what may have been done is not sent again", async (t) => {
  const user = name();
  const proxy = await proxyTo(t, url, { plan: [0] });
  const cut = new AgentOS({ baseUrl: proxy.url, key });
  const body = { agent_id: "helper", user_id: user };
  await assert.rejects(cut.request("POST", "/api/v1/sessions", { body }), ConnectionError);
  assert.equal(proxy.requests.length, 1);
  const [page] = await all(client.list("/api/v1/sessions", { user_id: user }));
  assert.equal(page.count, 1);
});

test("a run that is waited for is one run, however often its answer is lost", async (t) => {
  const session = await newSession();
  const proxy = await proxyTo(t, url, { plan: [0, 200] });
  const answer = await new AgentOS({ baseUrl: proxy.url, key }).runs.run("helper", {
    input: "Greet me",
    session_id: session,
  });
  assert.equal(answer.content, GREETING);
  assert.equal((await runsIn(session)).length, 1);
});

test("a started run is one run, needs no connection, and is waited for", async (t) => {
  const session = await newSession();
  const proxy = await proxyTo(t, url, { plan: [0, 0, 0] });
  const broken = new AgentOS({ baseUrl: proxy.url, key });
  const run = await broken.runs.start("helper", { input: "Count to 5, one in 0.1 s", session_id: session });
  proxy.down();
  setTimeout(proxy.up, 300);
  const record = await run.wait();
  assert.deepEqual([record.status, record.content], ["completed", "1 2 3 4 5 "]);
  assert.equal((await runsIn(session)).length, 1);
});

test("the same idempotency key is the same run, and another request with it is refused", async () => {
  const idempotencyKey = name();
  const first = await client.runs.start("helper", { input: "Hello" }, { idempotencyKey });
  const second = await client.runs.start("helper", { input: "Hello" }, { idempotencyKey });
  assert.equal(first.id, second.id);
  await assert.rejects(client.runs.start("helper", { input: "Bye" }, { idempotencyKey }), {
    status: 422,
    code: "IDEMPOTENCY_MISMATCH",
  });
});

test("a run that failed is an error, and is not run again", async () => {
  const session = await newSession();
  const began = Date.now();
  await assert.rejects(client.runs.run("helper", { input: "Fail", session_id: session }), (error) => {
    assert.deepEqual([error.status, error.code, error.details.cause], [502, "EXECUTION_ERROR", "PROVIDER_ERROR"]);
    assert.equal(error.retryable, false);
    return true;
  });
  assert.ok(Date.now() - began < 2000);
  assert.equal((await runsIn(session)).length, 1);
});

test("a run that pauses is answered, and continues", async () => {
  const { approver } = await import("./approver.mjs");
  const paused = await client.runs.run("clerk", { input: "Pay me back" });
  assert.deepEqual([paused.status, paused.pending[0].kind], ["paused", "approval"]);
  assert.equal((await client.runs.handle(paused.run_id).wait()).status, "paused");
  const answer = { id: paused.pending[0].id, decision: "approve", arguments: { amount: 5 } };
  await approver.runs.resume(paused.run_id, [answer]);
  const record = await client.runs.handle(paused.run_id).wait();
  assert.deepEqual([record.status, record.content], ["completed", "The tool said: 5 paid back"]);
  const types = (await all(client.runs.follow(paused.run_id))).map(({ type }) => type);
  assert.ok(types.indexOf("paused") < types.indexOf("resumed"));
  assert.equal(types.at(-1), "complete");
  await assert.rejects(approver.runs.resume(paused.run_id, [{ ...answer, decision: "reject" }]), APIError);
});

test("a run is deleted, and then is not there", async () => {
  const { run_id: runId } = await client.runs.run("helper", { input: "Hello" });
  await client.runs.delete(runId);
  await assert.rejects(client.runs.get(runId), { status: 404, code: "RUN_NOT_FOUND" });
  await assert.rejects(all(client.runs.follow(runId)), { status: 404, code: "RUN_NOT_FOUND" });
});

test("an answer's bytes can be had unread", async () => {
  const response = await client.open("GET", "/openapi.yaml");
  assert.match(await response.text(), /^openapi: /);
  await assert.rejects(client.open("GET", "/api/v1/runs/none"), { status: 404 });
});

test("an abort ends a request, and its waiting, with its reason", async (t) => {
  const reason = new Error("not needed any more");
  const proxy = await proxyTo(t, url);
  proxy.down();
  const away = new AgentOS({ baseUrl: proxy.url, key, retries: 100 });
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 200);
  await assert.rejects(away.request("GET", "/api/v1/runs", { signal: controller.signal }), reason);
  await assert.rejects(away.request("GET", "/api/v1/runs", { signal: AbortSignal.abort(reason) }), reason);
  await assert.rejects(
    all(away.runs.stream("helper", { input: "Hello" }, { signal: AbortSignal.abort(reason) })),
    reason,
  );
});

test("ids that would lead to another path are refused", async () => {
  for (const id of ["", ".", "..", undefined]) {
    await assert.rejects(async () => client.runs.get(id), TypeError);
    await assert.rejects(async () => all(client.runs.follow(id)), TypeError);
    await assert.rejects(
      async () => client.request("DELETE", "/api/v1/sessions/{session_id}", { params: { session_id: id } }),
      TypeError,
    );
  }
  await assert.rejects(async () => client.request("GET", "/api/v1/sessions/{session_id}"), TypeError);
  await assert.rejects(client.runs.get("../agents"), { status: 404 });
});

test("an address that cannot be one is refused at once", () => {
  for (const baseUrl of ["", "/agents", "example.com"]) assert.throws(() => new AgentOS({ baseUrl }), /baseUrl/);
});
