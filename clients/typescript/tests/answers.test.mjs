// Answers that a real server, or what stands before it, gives too rarely to be waited for: from a server of the test's own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { AgentOS, APIError, ConnectionError } from "../dist/index.js";
import { all, idsOf, textOf } from "./support.mjs";

// Gives one answer for each request, in their order. An answer is a list of events, or {status, headers, body}. An event is
// its number, an object, or text; `null` breaks the connection.
async function answering(t, ...answers) {
  const requests = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      const answer = answers.shift() ?? { status: 500, body: "there is no answer left" };
      if (Array.isArray(answer)) {
        response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "X-Run-ID": "run-1" });
        response.write(answer.map((event) => (typeof event === "string" ? event : rendered(event))).join(""));
        return answer.at(-1) === null ? setTimeout(() => response.destroy(), 50) : response.end();
      }
      const { status = 200, headers = {}, body: said } = answer;
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(typeof said === "string" ? said : JSON.stringify(said));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { requests, client: new AgentOS({ baseUrl: `http://127.0.0.1:${server.address().port}` }) };
}

// Event 1 is the start, 9 the end, and the others are tokens; or a whole event is given.
function rendered(given) {
  if (given === null) return "";
  const event = typeof given === "number" ? { id: given } : given;
  const type = event.type ?? { 1: "run_start", 9: "complete" }[event.id] ?? "token";
  const data = event.data ?? (type === "token" ? { token: `${event.id} `, index: event.id - 2 } : {});
  return `id: ${event.id}\nevent: ${type}\ndata: ${JSON.stringify({ type, run_id: "run-1", agent_id: "helper", data })}\n\n`;
}

const stream = (client, options) => client.runs.stream("helper", { input: "Hello" }, options);
const error = (status, code, headers = {}) => ({
  status,
  headers,
  body: { error: "…", message: `it is ${code}`, code },
});

test("an event that comes twice is dropped", async (t) => {
  const { client, requests } = await answering(t, [1, 2, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(idsOf(await all(stream(client))), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(requests.length, 1);
});

test("an event that is missing is asked for", async (t) => {
  const { client, requests } = await answering(t, [1, 2, 5], [3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(idsOf(await all(stream(client))), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(requests[1].line, "GET /api/v1/runs/run-1/events");
  assert.equal(requests[1].headers["last-event-id"], "2");
});

test("an event that the server does not have is asked for once", async (t) => {
  const { client, requests } = await answering(t, [1, 2, 5], [5, 6, 7, 8, 9]);
  assert.deepEqual(idsOf(await all(stream(client))), [1, 2, 5, 6, 7, 8, 9]);
  assert.equal(requests.length, 2);
});

test("an end with a number that was seen is the end", async (t) => {
  const lost = { id: 3, type: "error", data: { code: "EXECUTION_ERROR", details: { cause: "WORKER_LOST" } } };
  const { client } = await answering(t, [1, 2, 3, 4], [lost]);
  const events = await all(stream(client));
  assert.deepEqual(idsOf(events), [1, 2, 3, 4, 3]);
  assert.equal(events.at(-1).data.details.cause, "WORKER_LOST");
});

const pause = { id: 2, type: "paused", data: { pending: [] } };

test("a pause that was answered is no end", async (t) => {
  const { client, requests } = await answering(t, [1, pause, { id: 3, type: "resumed" }, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(idsOf(await all(client.runs.follow("run-1"))), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(requests.length, 1);
});

test("a connection that breaks at a pause does not wait for the answers", async (t) => {
  const { client, requests } = await answering(t, [1, pause, null], { body: { run_id: "run-1", status: "paused" } });
  assert.deepEqual(idsOf(await all(stream(client))), [1, 2]);
  assert.equal(requests[1].line, "GET /api/v1/runs/run-1");
});

test("a connection that breaks at a pause that was answered comes back", async (t) => {
  const { client } = await answering(t, [1, pause, null], { body: { run_id: "run-1", status: "running" } }, [
    { id: 3, type: "resumed" },
    4,
    5,
    6,
    7,
    8,
    9,
  ]);
  assert.deepEqual(idsOf(await all(stream(client))), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("comments, events without a number, and types that are not known do no harm", async (t) => {
  const { client } = await answering(t, [
    ": heartbeat\n\nretry: 1000\n\n",
    1,
    "data: {}\n\n",
    { id: 2, type: "news", data: { a: 1 } },
    3,
    4,
    5,
    6,
    7,
    8,
    9,
  ]);
  const events = await all(stream(client));
  assert.deepEqual([idsOf(events).length, events[1].type], [9, "news"]);
});

test("an event whose data is broken is asked for again", async (t) => {
  const { client } = await answering(t, [1, 2, 'id: 3\nevent: token\ndata: {"type\n\n'], [3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(idsOf(await all(stream(client))), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("204 after the end was lost gives the end of the run's record", async (t) => {
  const record = {
    run_id: "run-1",
    agent_id: "helper",
    session_id: null,
    status: "completed",
    content: "2 3 ",
    reasoning: null,
    model: null,
    finish_reason: "stop",
    duration: 1,
    usage: {},
    loops: 1,
    created_at: "t0",
    ended_at: "t1",
  };
  const { client, requests } = await answering(t, [1, 2, 3], { status: 204, body: "" }, { body: record });
  const last = (await all(stream(client))).at(-1);
  assert.deepEqual(
    [last.type, last.data.output, last.data.finish_reason, last.id, last.from_record],
    ["complete", "2 3 ", "stop", 3, true],
  );
  assert.equal(requests[2].line, "GET /api/v1/runs/run-1");
});

test("events that are not kept any more give the end of the run's record", async (t) => {
  const failed = {
    error: "execution failed",
    message: "lost",
    code: "EXECUTION_ERROR",
    details: { cause: "WORKER_LOST" },
  };
  const record = { run_id: "run-1", agent_id: "helper", session_id: "s", created_at: "t0", ended_at: "t1" };
  const gone = error(410, "EVENTS_EXPIRED");
  for (const [status, cause, code] of [
    ["failed", failed, "EXECUTION_ERROR"],
    ["cancelled", null, "RUN_CANCELLED"],
  ]) {
    const { client } = await answering(t, gone, { body: { ...record, status, error: cause } });
    const events = await all(client.runs.follow("run-1", { after: 7 }));
    assert.deepEqual(
      [events.length, events[0].type, events[0].data.code, events[0].session_id, events[0].id],
      [1, "error", code, "s", 7],
    );
  }
});

for (const [status, code] of [
  [429, "TOO_MANY_STREAMS"],
  [502, undefined],
  [503, "SHUTTING_DOWN"],
  [504, undefined],
]) {
  test(`a run is asked for again, with the same key, after ${status} ${code ?? "of a proxy"}`, async (t) => {
    const refusal = code ? error(status, code, { "Retry-After": "1" }) : { status, body: "<h1>Oh no</h1>" };
    const { client, requests } = await answering(t, refusal, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const states = [];
    const began = Date.now();
    const events = await all(stream(client, { onState: (state, why) => states.push([state, why?.status]) }));
    assert.equal(textOf(events), "2 3 4 5 6 7 8 ");
    assert.deepEqual(
      states.map(([state]) => state),
      ["connecting", "waiting", "connecting", "open", "closed"],
    );
    assert.equal(states[1][1], status);
    if (code) assert.ok(Date.now() - began >= 1000);
    const keys = requests.map(({ headers }) => headers["idempotency-key"]);
    assert.match(keys[0], /^[0-9a-f]{32}$/);
    assert.deepEqual(new Set(keys).size, 1);
    assert.equal(requests[0].body, requests[1].body);
  });
}

test("a server that says that it does not help is not asked again", async (t) => {
  const { client, requests } = await answering(t, error(429, "BUDGET_EXCEEDED", { "x-should-retry": "false" }));
  await assert.rejects(all(stream(client)), { code: "BUDGET_EXCEEDED", retryable: false });
  assert.equal(requests.length, 1);
});

test("a server that says that it helps is asked again", async (t) => {
  const { client, requests } = await answering(
    t,
    error(409, "SESSION_BUSY", { "x-should-retry": "true" }),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  await all(stream(client));
  assert.equal(requests.length, 2);
});

test("a wait that is too long is the caller's to decide", async (t) => {
  const { client, requests } = await answering(t, error(429, "RATE_LIMITED", { "Retry-After": "3600" }));
  await assert.rejects(client.runs.list(), { code: "RATE_LIMITED", retryAfter: 3_600_000, retryable: true });
  assert.equal(requests.length, 1);
});

test("a time at which to come back is understood", async (t) => {
  const at = new Date(Date.now() + 7_200_000).toUTCString();
  const { client } = await answering(t, error(503, "SHUTTING_DOWN", { "Retry-After": at }));
  await assert.rejects(client.runs.list(), ({ retryAfter }) => retryAfter > 7_100_000 && retryAfter <= 7_200_000);
});

test("a page in the answer's place is no answer, and no stream", async (t) => {
  const page = { headers: { "Content-Type": "text/html" }, body: "<h1>Log in to this network</h1>" };
  const { client, requests } = await answering(
    t,
    page,
    { body: { runs: [], count: 0 } },
    page,
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.deepEqual((await client.runs.list()).runs, []);
  assert.equal(textOf(await all(stream(client))), "2 3 4 5 6 7 8 ");
  assert.equal(requests.length, 4);
});

test("an error of a proxy has a code by its status", async (t) => {
  const { client } = await answering(t, { status: 418, body: "<h1>teapot</h1>", headers: { "X-Request-ID": "r1" } });
  await assert.rejects(client.runs.list(), (found) => {
    assert.deepEqual([found.status, found.code, found.requestId, found.details], [418, "HTTP_418", "r1", {}]);
    return found instanceof APIError;
  });
});

test("an answer that does not come in time is a ConnectionError", async (t) => {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const client = new AgentOS({ baseUrl: `http://127.0.0.1:${server.address().port}`, timeout: 100, retries: 1 });
  await assert.rejects(
    client.runs.list(),
    (found) => found instanceof ConnectionError && /nothing came for 0.1 s/.test(found.message),
  );
});

test("a header that cannot be sent is the caller's mistake", async (t) => {
  const { client, requests } = await answering(t);
  await assert.rejects(client.request("GET", "/ready", { headers: { "X-Name": "a\nb" } }), TypeError);
  await assert.rejects(all(stream(client, { idempotencyKey: "a\nb" })), TypeError);
  assert.equal(requests.length, 0);
});
