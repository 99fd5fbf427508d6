// Anthropic's library for JavaScript: models, messages, its helpers and its errors.
import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";

import { IMAGE, IMAGE_SEEN, all, assistant, counting, endOfRun, key, otherKey, readingKey, url, user } from "../shared/support.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const { messages } = client;

const WEATHER = {
  name: "weather",
  description: "Tell the weather.",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

const Fair = z.object({ name: z.string(), date: z.string(), participants: z.array(z.string()) });
const FAIR = { name: "Science fair", date: "Friday", participants: ["Alice", "Bob"] };

const request = (content, more = {}) => ({ model: "helper", max_tokens: 1000, messages: [user(content)], ...more });
const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

test("models are listed in pages and found", async () => {
  const models = await all(client.models.list({ limit: 2 }));
  assert.deepEqual(models.map((model) => model.id).sort(), ["assistant", "closed", "helper", "shop"]);
  assert.equal((await client.models.retrieve("helper")).display_name, "Helper");
});

test("a message is whole", async () => {
  const message = await messages.create(request("Hello there"));
  assert.match(message.id, /^msg_/);
  assert.deepEqual([textOf(message), message.stop_reason, message.role], ["You said: Hello there", "end_turn", "assistant"]);
  assert.deepEqual([message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens], [6, 4, 5]);
  assert.ok(message._request_id);
});

test("a stream has its events in order, and all text", async () => {
  const events = await all(await messages.create(request("Count to 50", { stream: true })));
  const kinds = events.map((event) => event.type);
  assert.deepEqual(kinds.slice(0, 2), ["message_start", "content_block_start"]);
  assert.deepEqual(kinds.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
  const text = events.map((event) => event.delta?.text ?? "").join("");
  assert.equal(text, Array.from({ length: 50 }, (_, n) => `${n + 1} `).join(""));
});

test("the stream helper collects the message", async () => {
  const said = [];
  const stream = messages.stream(request("Count to 3")).on("text", (delta) => said.push(delta));
  const message = await stream.finalMessage();
  assert.equal(textOf(message), "1 2 3 ");
  assert.equal(said.join(""), "1 2 3 ");
  assert.equal(await stream.finalText(), "1 2 3 ");
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [6, 5]);
});

for (const stream of [false, true]) {
  test(`the runner executes the client's tools and gets the answer${stream ? ", streamed" : ""}`, async () => {
    const asked = [];
    const weather = betaZodTool({
      name: "weather",
      description: "Tell the weather.",
      inputSchema: z.object({ city: z.string() }),
      run: ({ city }) => {
        asked.push(city);
        return `rain in ${city}`;
      },
    });
    const runner = client.beta.messages.toolRunner(request("The weather in both cities?", { tools: [weather], stream }));
    const final = await runner.runUntilDone();
    assert.equal(textOf(final), "The tools said: rain in Oslo and rain in Rome");
    assert.deepEqual(asked, ["Oslo", "Rome"]);
  });
}

test("a tool's result continues the same run, and its repeat gets the same answer", async () => {
  const { data: first, response } = await messages.create(request("The weather?", { tools: [WEATHER] })).withResponse();
  assert.equal(first.stop_reason, "tool_use");
  const call = first.content.find((block) => block.type === "tool_use");
  assert.deepEqual(call.input, { city: "Oslo" });
  const results = [{ type: "tool_result", tool_use_id: call.id, content: "sun" }];
  const next = { ...request("The weather?", { tools: [WEATHER] }) };
  next.messages = [...next.messages, assistant(first.content), user(results)];
  const second = await messages.create(next);
  assert.equal(textOf(second), "The tools said: sun");
  assert.deepEqual(await messages.create(next), second);
  const run = await endOfRun(response.headers.get("x-run-id"));
  assert.equal(run.status, "completed");
});

test("a forced tool is called", async () => {
  const message = await messages.create(
    request("The weather?", { tools: [WEATHER], tool_choice: { type: "tool", name: "weather" } }),
  );
  assert.deepEqual(message.content.at(-1).input, { city: "Oslo" });
});

test("parse reads an answer by its zod schema, and so does a stream", async () => {
  const asked = request("Alice and Bob are going to a science fair on Friday.", { output_config: { format: zodOutputFormat(Fair) } });
  assert.deepEqual((await messages.parse(asked)).parsed_output, FAIR);
  assert.deepEqual((await messages.stream(asked).finalMessage()).parsed_output, FAIR);
});

test("an image reaches the agent", async () => {
  const source = { type: "base64", media_type: "image/png", data: IMAGE };
  const message = await messages.create(request([{ type: "text", text: "What is this?" }, { type: "image", source }]));
  assert.equal(textOf(message), IMAGE_SEEN);
});

test("thoughts are blocks, and can be sent back", async () => {
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const asked = request("Think", { thinking, max_tokens: 2000 });
  const thoughts = [];
  const streamed = await messages.stream(asked).on("thinking", (delta) => thoughts.push(delta)).finalMessage();
  for (const message of [await messages.create(asked), streamed]) {
    assert.deepEqual(message.content.map((block) => block.type), ["thinking", "text"]);
    assert.equal(message.content[0].thinking, "Let me think.");
    assert.ok(message.content[0].signature);
    const next = { ...asked, messages: [...asked.messages, assistant(message.content), user("What did I say?")] };
    assert.equal(textOf(await messages.create(next)), "Think");
  }
  assert.equal(thoughts.join(""), "Let me think.");
});

test("the system prompt reaches an agent that allows it", async () => {
  const asked = request("What are your instructions?", { system: [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral" } }] });
  assert.match(textOf(await messages.create(asked)), /Be short\..*Be kind\./s);
});

test("tokens are counted before a request", async () => {
  const count = async (text) => (await messages.countTokens({ model: "helper", messages: [user(text)] })).input_tokens;
  assert.ok((await count("Hi")) < (await count("Hi ".repeat(100))));
});

test("the server executes its own tools, and shows no calls of them", async () => {
  const message = await messages.create(request("When are you open?", { model: "shop" }));
  assert.match(textOf(message), /The tools said: 9 to 5/);
  assert.deepEqual(message.content.filter((block) => block.type !== "text"), []);
});

test("each mistake is the library's own error, with what was wrong", async () => {
  const cases = [
    [Anthropic.NotFoundError, 404, "not_found_error", request("Hello", { model: "nothing" })],
    [Anthropic.BadRequestError, 400, "invalid_request_error", request("Hello", { messages: [] })],
    [Anthropic.BadRequestError, 400, "invalid_request_error", request("Hello", { messages: [{ role: "judge", content: "x" }] })],
    [Anthropic.BadRequestError, 400, "invalid_request_error", request("Hello", { model: "closed", tools: [WEATHER] })],
    [Anthropic.BadRequestError, 400, "invalid_request_error", request([{ type: "tool_result", tool_use_id: "none", content: "x" }])],
  ];
  for (const [kind, status, type, body] of cases) {
    await assert.rejects(messages.create(body), (error) => {
      assert.ok(error instanceof kind, `${error} for ${JSON.stringify(body)}`);
      assert.deepEqual([error.status, error.type], [status, type]);
      assert.ok(error.requestID);
      return true;
    });
  }
});

test("a wrong key and one without the scope are errors of their own", async () => {
  const none = new Anthropic({ baseURL: url, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(none.messages.create(request("Hello")), Anthropic.AuthenticationError);
  const reader = new Anthropic({ baseURL: url, authToken: readingKey, maxRetries: 0 });
  await assert.rejects(reader.models.list(), Anthropic.PermissionDeniedError);
});

test("a run that failed is not asked for again, one that a provider's limit stopped is", { timeout: 60_000 }, async () => {
  for (const [text, calls] of [
    ["Fail", 1],
    ["Too many", 3],
  ]) {
    const fetch = counting();
    const patient = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 2, fetch });
    await assert.rejects(patient.messages.create(request(text)), Anthropic.InternalServerError);
    assert.equal(fetch.calls, calls, text);
  }
});

test("a stream of a run that fails throws", async () => {
  await assert.rejects(messages.stream(request("Fail")).finalMessage(), Anthropic.APIError);
});

test("a repeat after a lost connection, under one Idempotency-Key, gets the first run's answer", async () => {
  const fetch = counting((number) => number === 0);
  const retrying = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 1, fetch });
  const headers = { "Idempotency-Key": crypto.randomUUID() };
  const repeated = await retrying.messages.create(request("Hello"), { headers });
  assert.equal(fetch.calls, 2);
  assert.equal((await messages.create(request("Hello"), { headers })).id, repeated.id);
});

// Reads the first piece of an answer, leaves, and returns the run.
async function leave(most, headers) {
  const asked = messages.create(request(`Count to ${most} slowly`, { stream: true }), { headers });
  const { data: stream, response } = await asked.withResponse();
  for await (const event of stream) if (event.type === "content_block_delta") break;
  stream.controller.abort();
  return endOfRun(response.headers.get("x-run-id"));
}

test("the run of a client that leaves completes", { timeout: 30_000 }, async () => {
  assert.equal((await leave(20, {})).status, "completed");
});

test("the run of a client that leaves is cancelled where the client asked for that", { timeout: 30_000 }, async () => {
  assert.equal((await leave(300, { "X-AgentOS-On-Disconnect": "cancel" })).status, "cancelled");
});

test("an aborted request is the library's own error", async () => {
  const signal = AbortSignal.timeout(300);
  await assert.rejects(messages.create(request("Count to 20 slowly"), { signal }), Anthropic.APIUserAbortError);
});

test("another tenant's tool call continues nothing", async () => {
  const first = await messages.create(request("The weather?", { tools: [WEATHER] }));
  const other = new Anthropic({ baseURL: url, apiKey: otherKey, maxRetries: 0 });
  const results = [{ type: "tool_result", tool_use_id: first.content.at(-1).id, content: "sun" }];
  const asked = request("The weather?", { tools: [WEATHER] });
  const answer = await other.messages.create({ ...asked, messages: [...asked.messages, assistant(first.content), user(results)] });
  assert.notEqual(answer.id.slice(0, 36), first.id.slice(0, 36));  // all but the number of the answer
});
