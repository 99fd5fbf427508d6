// Open Responses: the cases of its suite, written from its schema. Each response and each event has to fit the schema.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { parseJsonEventStream } from "ai";

import { Event, Response } from "./open-responses-schema.mjs";
import { IMAGE, IMAGE_SEEN, all, baseURL, key } from "../shared/support.mjs";

const message = (role, content) => ({ type: "message", role, content });

async function post(body) {
  const response = await fetch(`${baseURL}/responses`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "helper", ...body }),
  });
  assert.equal(response.status, 200, body && (await response.clone().text()));
  return response;
}

// Returns the response, which fits the schema.
async function create(body) {
  return Response.parse(await (await post(body)).json());
}

// Returns the events, which fit the schema and each other, and the response at their end.
async function stream(body) {
  const response = await post({ ...body, stream: true });
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  const parsed = await all(parseJsonEventStream({ stream: response.body, schema: Event }));
  const events = parsed.map((one) => {
    assert.ok(one.success, one.success ? "" : `${one.error} in ${JSON.stringify(one.rawValue)}`);
    return one.value;
  });
  assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
  assert.deepEqual(events.slice(0, 2).map((event) => event.type), ["response.created", "response.in_progress"]);
  const items = events.filter((event) => event.type === "response.output_item.done").map((event) => event.item);
  assert.deepEqual(events.at(-1).response.output, items);
  return [events, events.at(-1).response];
}

const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "Get the current weather for a location",
  parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
};

// The cases, each with what its output has to be.
const CASES = {
  "basic response": [{ input: [message("user", "Say hello.")] }, "You said: Say hello."],
  "a text as input": [{ input: "Say hello." }, "You said: Say hello."],
  "system prompt": [{ input: [message("system", "Talk like a pirate."), message("user", "What are your instructions?")] }, /Be short\.\s.*Talk like a pirate\./s],
  instructions: [{ instructions: "Talk like a pirate.", input: "What are your instructions?" }, /Talk like a pirate\./],
  "image input": [
    { input: [message("user", [{ type: "input_text", text: "What is it?" }, { type: "input_image", image_url: `data:image/png;base64,${IMAGE}` }])] },
    IMAGE_SEEN,
  ],
  "multi-turn": [
    { input: [message("user", "My name is Alice."), message("assistant", "Hello Alice!"), message("user", "What did I say?")] },
    "My name is Alice.",
  ],
  reasoning: [{ input: "Think", reasoning: { effort: "low" } }, "Done thinking."],
  "structured output": [
    { input: "Coat?", text: { format: { type: "json_schema", name: "outfit", schema: { type: "object", properties: { item: { type: "string" } } } } } },
    /"item": "coat"/,
  ],
  "all that a request may repeat": [
    {
      input: "Say hello.",
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 500,
      metadata: { colour: "red" },
      parallel_tool_calls: false,
      prompt_cache_key: "key",
      safety_identifier: "ada",
      service_tier: "flex",
      store: false,
      tool_choice: "none",
      tools: [WEATHER],
      truncation: "auto",
      text: { verbosity: "low" },
    },
    "You said: Say hello.",
  ],
};

function textOf(response) {
  const messages = response.output.filter((item) => item.type === "message");
  return messages.flatMap((item) => item.content.map((part) => part.text)).join("");
}

function check(response, expected) {
  assert.equal(response.status, "completed");
  assert.ok(response.completed_at >= response.created_at);
  if (typeof expected === "string") assert.equal(textOf(response), expected);
  else assert.match(textOf(response), expected);
}

describe("whole", () => {
  for (const [name, [body, expected]] of Object.entries(CASES)) {
    test(name, async () => check(await create(body), expected));
  }
});

describe("streamed", () => {
  for (const [name, [body, expected]] of Object.entries(CASES)) {
    test(name, async () => {
      const [events, response] = await stream(body);
      check(response, expected);
      const deltas = events.filter((event) => event.type === "response.output_text.delta");
      assert.equal(deltas.map((event) => event.delta).join(""), textOf(response));
    });
  }
});

test("tool calling", async () => {
  const body = { input: [message("user", "What is the weather in San Francisco?")], tools: [WEATHER] };
  const response = await create(body);
  const [call] = response.output;
  assert.deepEqual([call.type, call.name, JSON.parse(call.arguments)], ["function_call", "get_weather", { location: "Oslo" }]);
  const output = { type: "function_call_output", call_id: call.call_id, output: "rain" };
  const after = await create({ input: [output], previous_response_id: response.id, tools: [WEATHER] });
  assert.equal(textOf(after), "The tools said: rain");
  assert.equal(after.previous_response_id, response.id);
});

test("tool calling, streamed", async () => {
  const [events, response] = await stream({ input: "The weather?", tools: [WEATHER] });
  const said = (type) => events.filter((event) => event.type === type);
  const given = said("response.function_call_arguments.delta").map((event) => event.delta).join("");
  assert.equal(given, said("response.function_call_arguments.done")[0].arguments);
  assert.equal(said("response.output_item.added")[0].item.type, "function_call");
  assert.equal(response.output[0].arguments, given);
});

test("a background response fits the schema in each of its states", { timeout: 20_000 }, async () => {
  let response = await create({ input: "Count to 20 slowly", background: true });
  const states = new Set();
  while (states.add(response.status) && ["queued", "in_progress"].includes(response.status)) {
    await new Promise((next) => setTimeout(next, 50));
    const found = await fetch(`${baseURL}/responses/${response.id}`, { headers: { Authorization: `Bearer ${key}` } });
    response = Response.parse(await found.json());
  }
  assert.ok(states.has("in_progress"));
  check(response, Array.from({ length: 20 }, (_, number) => `${number + 1} `).join(""));
});

test("a failed response fits the schema", async () => {
  const [, response] = await stream({ input: "Fail" });
  assert.equal(response.status, "failed");
  assert.match(response.error.message, /out of order/);
});
