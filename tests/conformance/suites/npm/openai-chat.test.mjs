// OpenAI's library for JavaScript: models, chat completions, its helpers and its errors.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { IMAGE, IMAGE_SEEN, all, assistant, baseURL, counting, endOfRun, key, otherKey, readingKey, user } from "../shared/support.mjs";

const client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
const chat = client.chat.completions;

const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "Tell the weather.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

const Fair = z.object({ name: z.string(), date: z.string(), participants: z.array(z.string()) });

test("models are listed and found", async () => {
  const models = await all(client.models.list());
  assert.deepEqual(models.map((model) => model.id).sort(), ["assistant", "closed", "helper", "shop"]);
  assert.equal((await client.models.retrieve("helper")).id, "helper");
});

test("a chat completion is whole", async () => {
  const completion = await chat.create({ model: "helper", messages: [user("Hello there")] });
  assert.equal(completion.object, "chat.completion");
  assert.match(completion.id, /^chatcmpl-/);
  const [choice] = completion.choices;
  assert.deepEqual([choice.message.content, choice.finish_reason], ["You said: Hello there", "stop"]);
  assert.equal(completion.usage.total_tokens, 15);
  assert.equal(completion.usage.prompt_tokens_details.cached_tokens, 4);
  assert.equal(completion.usage.completion_tokens_details.reasoning_tokens, 2);
});

test("a stream has one role, all text, one reason, and the usage that was asked for", async () => {
  const stream = await chat.create({
    model: "helper",
    messages: [user("Count to 50")],
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await all(stream);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  assert.equal(choices.map((choice) => choice.delta.content ?? "").join(""), Array.from({ length: 50 }, (_, n) => `${n + 1} `).join(""));
  assert.deepEqual(choices.flatMap((choice) => choice.delta.role ?? []), ["assistant"]);
  assert.deepEqual(choices.flatMap((choice) => choice.finish_reason ?? []), ["stop"]);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.deepEqual(chunks.flatMap((chunk) => chunk.usage?.total_tokens ?? []), [15]);
});

test("the stream helper collects the completion", async () => {
  const stream = chat.stream({ model: "helper", messages: [user("Count to 3")], stream_options: { include_usage: true } });
  const said = [];
  stream.on("content", (delta) => said.push(delta));
  const completion = await stream.finalChatCompletion();
  assert.equal(completion.choices[0].message.content, "1 2 3 ");
  assert.equal(said.join(""), "1 2 3 ");
  assert.equal((await stream.totalUsage()).total_tokens, 15);
});

for (const stream of [false, true]) {
  test(`runTools executes the client's tools and gets the answer${stream ? ", streamed" : ""}`, async () => {
    const asked = [];
    const weather = {
      type: "function",
      function: {
        name: "weather",
        description: "Tell the weather.",
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        parse: JSON.parse,
        function: ({ city }) => {
          asked.push(city);
          return `rain in ${city}`;
        },
      },
    };
    const runner = chat.runTools({ model: "helper", messages: [user("The weather in both cities?")], tools: [weather], stream });
    assert.equal(await runner.finalContent(), "The tools said: rain in Oslo and rain in Rome");
    assert.deepEqual(asked, ["Oslo", "Rome"]);
  });
}

test("a tool's result continues the same run, and its repeat gets the same answer", async () => {
  const messages = [user("The weather?")];
  const first = await chat.create({ model: "helper", messages, tools: [WEATHER] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const [call] = first.choices[0].message.tool_calls;
  messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sun" });
  const second = await chat.create({ model: "helper", messages, tools: [WEATHER] });
  const again = await chat.create({ model: "helper", messages, tools: [WEATHER] });
  assert.equal(second.choices[0].message.content, "The tools said: sun");
  assert.deepEqual(again, second);
  assert.equal(second.id, first.id);
});

test("a forced tool is called", async () => {
  const { choices } = await chat.create({
    model: "helper",
    messages: [user("The weather?")],
    tools: [WEATHER],
    tool_choice: { type: "function", function: { name: "weather" } },
  });
  assert.deepEqual(JSON.parse(choices[0].message.tool_calls[0].function.arguments), { city: "Oslo" });
});

test("parse reads an answer by its zod schema", async () => {
  const messages = [user("Alice and Bob are going to a science fair on Friday.")];
  const completion = await chat.parse({ model: "helper", messages, response_format: zodResponseFormat(Fair, "fair") });
  assert.deepEqual(completion.choices[0].message.parsed, { name: "Science fair", date: "Friday", participants: ["Alice", "Bob"] });
});

test("parse reads the arguments of a zod function", async () => {
  const tools = [zodFunction({ name: "weather", parameters: z.object({ city: z.string() }) })];
  const completion = await chat.parse({ model: "helper", messages: [user("The weather?")], tools });
  assert.deepEqual(completion.choices[0].message.tool_calls[0].function.parsed_arguments, { city: "Oslo" });
});

test("an image reaches the agent", async () => {
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${IMAGE}` } },
  ];
  const completion = await chat.create({ model: "helper", messages: [user(content)] });
  assert.equal(completion.choices[0].message.content, IMAGE_SEEN);
});

test("messages are the conversation", async () => {
  const messages = [user("One"), assistant("ok"), user("Two"), assistant("ok"), user("What did I say?")];
  const completion = await chat.create({ model: "helper", messages });
  assert.equal(completion.choices[0].message.content, "One / Two");
});

test("a developer's message follows the agent's instructions; where it may not, a header says so", async () => {
  const messages = [{ role: "developer", content: "Rhyme." }, user("What are your instructions?")];
  const allowed = await chat.create({ model: "helper", messages });
  assert.equal(allowed.choices[0].message.content.replaceAll("\n\n", " / "), "Be short. / Rhyme.");
  const { data, response } = await chat.create({ model: "closed", messages }).withResponse();
  assert.equal(data.choices[0].message.content, "Be short.");
  assert.equal(response.headers.get("x-ignored-fields"), "messages[0]");
});

test("calls of the server's tools are no tool_calls, and are shown where the client asks for it", async () => {
  const create = (headers) => chat.create({ model: "shop", messages: [user("When are you open?")] }, { headers });
  const [plain] = (await create({})).choices;
  assert.equal(plain.message.content, "Let me look. \n\nThe tools said: 9 to 5");
  assert.deepEqual([plain.message.tool_calls, plain.message.reasoning_content], [undefined, undefined]);
  const [shown] = (await create({ "X-AgentOS-Show-Tools": "1" })).choices;
  assert.match(shown.message.reasoning_content, /hours/);
});

test("each mistake is the library's own error, with what was wrong", async () => {
  const messages = [user("Hello")];
  const cases = [
    [OpenAI.NotFoundError, 404, "model_not_found", { model: "nothing", messages }],
    [OpenAI.BadRequestError, 400, "invalid_request", { model: "helper", messages: [] }],
    [OpenAI.BadRequestError, 400, "invalid_request", { model: "helper", messages, n: 2 }],
    [OpenAI.BadRequestError, 400, "invalid_request", { model: "helper", messages, logprobs: true }],
    [OpenAI.BadRequestError, 400, "invalid_request", { model: "helper", messages: [{ role: "judge", content: "x" }] }],
    [OpenAI.BadRequestError, 400, "invalid_request", { model: "closed", messages, tools: [WEATHER] }],
    [OpenAI.BadRequestError, 400, "invalid_request", { model: "helper", messages: [{ role: "tool", tool_call_id: "none", content: "x" }] }],
  ];
  for (const [kind, status, code, body] of cases) {
    await assert.rejects(chat.create(body), (error) => {
      assert.ok(error instanceof kind, `${error} for ${JSON.stringify(body)}`);
      assert.equal(error.status, status);
      assert.equal(error.code, code);
      assert.ok(error.requestID);
      return true;
    });
  }
});

test("a wrong key and one without the scope are errors of their own", async () => {
  const body = { model: "helper", messages: [user("Hello")] };
  const none = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(none.chat.completions.create(body), OpenAI.AuthenticationError);
  const reader = new OpenAI({ baseURL, apiKey: readingKey, maxRetries: 0 });
  await assert.rejects(reader.chat.completions.create(body), OpenAI.PermissionDeniedError);
});

test("what is not offered is not found", async () => {
  await assert.rejects(client.embeddings.create({ model: "helper", input: "Hello" }), OpenAI.NotFoundError);
});

test("a run that failed is not asked for again, one that a provider's limit stopped is", { timeout: 60_000 }, async () => {
  for (const [text, code, calls] of [
    ["Fail", "provider_error", 1],
    ["Too many", "provider_rate_limited", 3],
  ]) {
    const fetch = counting();
    const patient = new OpenAI({ baseURL, apiKey: key, maxRetries: 2, fetch });
    await assert.rejects(patient.chat.completions.create({ model: "helper", messages: [user(text)] }), (error) => {
      assert.ok(error instanceof OpenAI.InternalServerError, `${error}`);
      assert.equal(error.code, code);
      return true;
    });
    assert.equal(fetch.calls, calls, text);
  }
});

test("a stream of a run that fails throws", async () => {
  const stream = await chat.create({ model: "helper", messages: [user("Fail")], stream: true });
  await assert.rejects(all(stream), OpenAI.APIError);
});

test("a repeat after a lost connection, under one Idempotency-Key, gets the first run's answer", async () => {
  const fetch = counting((number) => number === 0);
  const retrying = new OpenAI({ baseURL, apiKey: key, maxRetries: 1, fetch });
  const headers = { "Idempotency-Key": crypto.randomUUID() };
  const body = { model: "helper", messages: [user("Hello")] };
  const repeated = await retrying.chat.completions.create(body, { headers });
  assert.equal(fetch.calls, 2);
  const again = await chat.create(body, { headers });
  assert.equal(repeated.id, again.id);
});

// Reads the first piece of an answer, leaves, and returns the run.
async function leave(most, headers) {
  const messages = [user(`Count to ${most} slowly`)];
  const { data: stream, response } = await chat.create({ model: "helper", messages, stream: true }, { headers }).withResponse();
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  stream.controller.abort();
  return endOfRun(response.headers.get("x-run-id"));
}

test("the run of a client that leaves completes", { timeout: 30_000 }, async () => {
  const run = await leave(20, {});
  assert.equal(run.status, "completed");
});

test("the run of a client that leaves is cancelled where the client asked for that", { timeout: 30_000 }, async () => {
  const run = await leave(300, { "X-AgentOS-On-Disconnect": "cancel" });
  assert.equal(run.status, "cancelled");
});

test("an aborted request is the library's own error", async () => {
  const signal = AbortSignal.timeout(300);
  const waiting = chat.create({ model: "helper", messages: [user("Count to 20 slowly")] }, { signal });
  await assert.rejects(waiting, OpenAI.APIUserAbortError);
});

test("another tenant's tool call continues nothing", async () => {
  const messages = [user("The weather?")];
  const { choices, id } = await chat.create({ model: "helper", messages, tools: [WEATHER] });
  const other = new OpenAI({ baseURL, apiKey: otherKey, maxRetries: 0 });
  messages.push(choices[0].message, { role: "tool", tool_call_id: choices[0].message.tool_calls[0].id, content: "sun" });
  const answer = await other.chat.completions.create({ model: "helper", messages, tools: [WEATHER] });
  assert.notEqual(answer.id, id);
});
