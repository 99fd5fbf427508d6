// OpenAI's library for JavaScript: responses and conversations.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { IMAGE, IMAGE_SEEN, all, ask, baseURL, counting, endOfRun, key, otherKey, user } from "../shared/support.mjs";

const client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
const { responses, conversations } = client;
const stranger = new OpenAI({ baseURL, apiKey: otherKey, maxRetries: 0 });

const WEATHER = {
  type: "function",
  name: "weather",
  description: "Tell the weather.",
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

const Fair = z.object({ name: z.string(), date: z.string(), participants: z.array(z.string()) });
const runOf = (response) => response.id.replace(/^resp_/, "");

test("a response is whole", async () => {
  const response = await responses.create({ model: "helper", input: "Hello there", metadata: { colour: "red" } });
  assert.equal(response.output_text, "You said: Hello there");
  assert.deepEqual([response.object, response.status, response.model], ["response", "completed", "helper"]);
  assert.deepEqual(response.metadata, { colour: "red" });
  assert.equal(response.usage.total_tokens, 15);
  assert.equal(response.usage.input_tokens_details.cached_tokens, 4);
  assert.equal(response.usage.output_tokens_details.reasoning_tokens, 2);
});

test("a stream can be read again from each of its numbers", async () => {
  const events = await all(await responses.create({ model: "helper", input: "Count to 9", stream: true }));
  assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
  assert.deepEqual([events[0].type, events.at(-1).type], ["response.created", "response.completed"]);
  const { id } = events.at(-1).response;
  for (const after of events.keys()) {
    const rest = await all(await responses.retrieve(id, { stream: true, starting_after: after }));
    assert.deepEqual(rest, events.slice(after + 1));
  }
  const whole = await responses.retrieve(id);
  assert.equal(whole.output_text, "1 2 3 4 5 6 7 8 9 ");
  assert.deepEqual(whole.output, events.at(-1).response.output);
});

test("the stream helper collects the response, and takes up one that runs", async () => {
  const first = responses.stream({ model: "helper", input: "Count to 9 slowly", background: true });
  let id, last;
  for await (const event of first) {
    last = event.sequence_number;
    if (event.type === "response.created") id = event.response.id;
    if (event.type === "response.output_text.delta") break;
  }
  first.abort();
  const rest = responses.stream({ response_id: id, starting_after: last });
  const numbers = [];
  rest.on("event", (event) => numbers.push(event.sequence_number));
  const response = await rest.finalResponse();
  assert.equal(response.output_text, "1 2 3 4 5 6 7 8 9 ");
  assert.equal(numbers[0], last + 1);
});

test("parse reads an answer by its zod schema", async () => {
  const input = "Alice and Bob are going to a science fair on Friday.";
  const response = await responses.parse({ model: "helper", input, text: { format: zodTextFormat(Fair, "fair") } });
  assert.deepEqual(response.output_parsed, { name: "Science fair", date: "Friday", participants: ["Alice", "Bob"] });
});

test("parse reads the arguments of a zod function", async () => {
  const tools = [zodResponsesFunction({ name: "weather", parameters: z.object({ city: z.string() }) })];
  const response = await responses.parse({ model: "helper", input: "The weather?", tools });
  assert.deepEqual(response.output[0].parsed_arguments, { city: "Oslo" });
});

for (const way of ["previous_response_id", "all items"]) {
  test(`outputs of the client's tools continue the run, by ${way}`, async () => {
    const question = user("The weather in both cities?");
    const first = await responses.create({ model: "helper", input: [question], tools: [WEATHER] });
    const calls = first.output.filter((item) => item.type === "function_call");
    assert.deepEqual(calls.map((call) => JSON.parse(call.arguments).city), ["Oslo", "Rome"]);
    const outputs = calls.map(({ call_id, arguments: given }) => {
      return { type: "function_call_output", call_id, output: `rain in ${JSON.parse(given).city}` };
    });
    const more = way === "all items" ? { input: [question, ...first.output, ...outputs] } : { input: outputs, previous_response_id: first.id };
    const second = await responses.create({ model: "helper", tools: [WEATHER], ...more });
    assert.equal(second.output_text, "The tools said: rain in Oslo and rain in Rome");
    assert.equal(runOf(second).replace(/_1$/, ""), runOf(first));
    const third = await responses.create({ model: "helper", input: "What did I say?", previous_response_id: second.id });
    assert.equal(third.output_text, question.content);
  });
}

test("thoughts are reasoning items", async () => {
  const response = await responses.create({ model: "helper", input: "Think" });
  assert.deepEqual(response.output.map((item) => item.type), ["reasoning", "message"]);
  assert.equal(response.output[0].content[0].text, "Let me think.");
  const stream = await responses.create({ model: "helper", input: "Think", stream: true });
  const deltas = (await all(stream)).filter((event) => event.type === "response.reasoning_text.delta");
  assert.equal(deltas.map((event) => event.delta).join(""), "Let me think.");
});

test("an image reaches the agent", async () => {
  const content = [{ type: "input_image", detail: "auto", image_url: `data:image/png;base64,${IMAGE}` }];
  const response = await responses.create({ model: "helper", input: [user(content)] });
  assert.equal(response.output_text, IMAGE_SEEN);
});

test("instructions follow the agent's", async () => {
  const body = { input: "What are your instructions?", instructions: "Rhyme." };
  const allowed = await responses.create({ model: "helper", ...body });
  assert.equal(allowed.output_text.replaceAll("\n\n", " / "), "Be short. / Rhyme.");
  const { data, response } = await responses.create({ model: "closed", ...body }).withResponse();
  assert.equal(data.output_text, "Be short.");
  assert.equal(response.headers.get("x-ignored-fields"), "instructions");
});

test("a background response is polled until it is there", { timeout: 20_000 }, async () => {
  let response = await responses.create({ model: "helper", input: "Count to 5 slowly", background: true });
  assert.ok(["queued", "in_progress"].includes(response.status));
  while (["queued", "in_progress"].includes(response.status)) {
    await new Promise((next) => setTimeout(next, 100));
    response = await responses.retrieve(response.id);
  }
  assert.deepEqual([response.status, response.output_text], ["completed", "1 2 3 4 5 "]);
});

test("cancel ends a response here and at the server's own API", async () => {
  const { id } = await responses.create({ model: "helper", input: "Count to 99 slowly", background: true });
  assert.equal((await responses.cancel(id)).status, "cancelled");
  assert.equal((await ask(`/api/v1/runs/${runOf({ id })}`)).status, "cancelled");
});

test("delete makes a response unknown", async () => {
  const { id } = await responses.create({ model: "helper", input: "Hello" });
  await responses.delete(id);
  await assert.rejects(responses.retrieve(id), OpenAI.NotFoundError);
});

test("input items are paged", async () => {
  const input = ["One", "Two", "Three"].flatMap((text) => [user(text), { role: "assistant", content: "ok" }]).slice(0, -1);
  const { id } = await responses.create({ model: "helper", input });
  const items = await all(responses.inputItems.list(id, { limit: 2, order: "asc" }));
  assert.deepEqual(items.map((item) => item.content[0].text), ["One", "ok", "Two", "ok", "Three"]);
});

test("a run that began at the server's own API is a response", async () => {
  const { run_id } = await ask("/api/v1/agents/helper/run", { method: "POST", body: { input: "Hello" } });
  assert.equal((await responses.retrieve(`resp_${run_id}`)).output_text, "You said: Hello");
  const events = await all(await responses.retrieve(`resp_${run_id}`, { stream: true }));
  assert.equal(events.at(-1).type, "response.completed");
});

test("a conversation keeps what is said in it, and is a session of the server", async () => {
  const conversation = await conversations.create({ metadata: { topic: "shop", agent_id: "helper" } });
  for (const input of ["One", "Two"]) await responses.create({ model: "helper", input, conversation: conversation.id });
  const third = await responses.create({ model: "helper", input: "What did I say?", conversation: { id: conversation.id } });
  assert.deepEqual([third.output_text, third.conversation.id], ["One / Two", conversation.id]);
  const items = await all(conversations.items.list(conversation.id, { limit: 2, order: "asc" }));
  assert.deepEqual(items.map((item) => item.content[0].text), ["One", "You said: One", "Two", "You said: Two", "What did I say?", "One / Two"]);
  assert.equal((await conversations.items.retrieve(items[0].id, { conversation_id: conversation.id })).id, items[0].id);
  const session = await ask(`/api/v1/sessions/${conversation.id.replace(/^conv_/, "")}/history`);
  assert.equal(session.messages.length, 6);
  await conversations.update(conversation.id, { metadata: { topic: "garden" } });
  assert.equal((await conversations.retrieve(conversation.id)).metadata.topic, "garden");
  await conversations.delete(conversation.id);
  await assert.rejects(conversations.retrieve(conversation.id), OpenAI.NotFoundError);
});

test("nothing of another tenant is there", async () => {
  const { id } = await responses.create({ model: "helper", input: "Hello" });
  const conversation = await conversations.create({ metadata: { agent_id: "helper" } });
  for (const asking of [
    () => stranger.responses.retrieve(id),
    () => stranger.responses.retrieve(id, { stream: true }),
    () => stranger.responses.cancel(id),
    () => stranger.responses.delete(id),
    () => all(stranger.responses.inputItems.list(id)),
    () => stranger.responses.create({ model: "helper", input: "Hello", previous_response_id: id }),
    () => stranger.responses.create({ model: "helper", input: "Hello", conversation: conversation.id }),
    () => stranger.conversations.retrieve(conversation.id),
    () => stranger.conversations.update(conversation.id, { metadata: {} }),
    () => all(stranger.conversations.items.list(conversation.id)),
    () => stranger.conversations.delete(conversation.id),
  ]) {
    await assert.rejects(asking, OpenAI.NotFoundError, `${asking}`);
  }
});

test("each mistake is the library's own error, with what was wrong", async () => {
  const body = { model: "helper", input: "Hello" };
  for (const [kind, param, more] of [
    [OpenAI.NotFoundError, undefined, { model: "nothing" }],
    [OpenAI.BadRequestError, "input", { input: 5 }],
    [OpenAI.BadRequestError, "prompt", { prompt: { id: "pmpt_1" } }],
    [OpenAI.BadRequestError, "top_logprobs", { top_logprobs: 3 }],
    [OpenAI.BadRequestError, "tools[0].type", { tools: [{ type: "web_search" }] }],
    [OpenAI.BadRequestError, "input", { input: [{ type: "function_call_output", call_id: "none", output: "x" }] }],
    [OpenAI.NotFoundError, undefined, { previous_response_id: "resp_none" }],
  ]) {
    await assert.rejects(responses.create({ ...body, ...more }), (error) => {
      assert.ok(error instanceof kind, `${error} for ${JSON.stringify(more)}`);
      if (param !== undefined) assert.equal(error.param, param);
      return true;
    });
  }
});

test("a response that fails is an error; streamed, its last event says so", async () => {
  const fetch = counting();
  const patient = new OpenAI({ baseURL, apiKey: key, maxRetries: 2, fetch });
  await assert.rejects(patient.responses.create({ model: "helper", input: "Fail" }), OpenAI.InternalServerError);
  assert.equal(fetch.calls, 1);
  const last = (await all(await responses.create({ model: "helper", input: "Fail", stream: true }))).at(-1);
  assert.deepEqual([last.type, last.response.status], ["response.failed", "failed"]);
  assert.match(last.response.error.message, /out of order/);
});

test("the run of a client that leaves completes", { timeout: 30_000 }, async () => {
  const { data: stream, response } = await responses.create({ model: "helper", input: "Count to 20 slowly", stream: true }).withResponse();
  for await (const event of stream) if (event.type === "response.output_text.delta") break;
  stream.controller.abort();
  const run = await endOfRun(response.headers.get("x-run-id"));
  assert.equal(run.status, "completed");
});
