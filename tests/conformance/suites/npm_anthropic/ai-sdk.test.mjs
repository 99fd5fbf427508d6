// Vercel's AI SDK with its provider for Anthropic.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { APICallError, Output, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";

import { IMAGE, IMAGE_SEEN, all, assistant, baseURL, key, user } from "../shared/support.mjs";

// What the SDK would print, its results have, and the tests look there.
globalThis.AI_SDK_LOG_WARNINGS = false;

const provider = createAnthropic({ baseURL, apiKey: key });
const model = provider("helper");
const maxOutputTokens = 1000;

const FAIR = { name: "Science fair", date: "Friday", participants: ["Alice", "Bob"] };
const Fair = z.object({ name: z.string(), date: z.string(), participants: z.array(z.string()) });

function tools(asked = []) {
  const weather = tool({
    description: "Tell the weather.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return `rain in ${city}`;
    },
  });
  return { weather };
}

test("generateText has text, reason and usage", async () => {
  const result = await generateText({ model, maxOutputTokens, prompt: "Hello there" });
  assert.deepEqual([result.text, result.finishReason], ["You said: Hello there", "stop"]);
  const { inputTokens, outputTokens, inputTokenDetails } = result.usage;
  assert.deepEqual([inputTokens, outputTokens, inputTokenDetails.cacheReadTokens], [10, 5, 4]);
});

test("streamText has each piece, reason and usage", async () => {
  const result = streamText({ model, maxOutputTokens, prompt: "Count to 30" });
  const pieces = await all(result.textStream);
  assert.equal(pieces.join(""), Array.from({ length: 30 }, (_, number) => `${number + 1} `).join(""));
  assert.ok(pieces.length > 1);
  assert.equal(await result.finishReason, "stop");
  assert.equal((await result.usage).totalTokens, 15);
});

test("several steps with tools, each executed once", async () => {
  const asked = [];
  const prompt = "The weather in both cities?";
  const result = await generateText({ model, maxOutputTokens, prompt, tools: tools(asked), stopWhen: isStepCount(5) });
  assert.deepEqual(asked, ["Oslo", "Rome"]);
  assert.equal(result.text, "The tools said: rain in Oslo and rain in Rome");
  assert.deepEqual(result.steps.map((step) => step.finishReason), ["tool-calls", "stop"]);
});

test("several steps with tools, streamed", async () => {
  const prompt = "The weather in both cities?";
  const result = streamText({ model, maxOutputTokens, prompt, tools: tools(), stopWhen: isStepCount(5) });
  const parts = await all(result.stream);
  assert.deepEqual(parts.filter((part) => part.type === "error"), []);
  assert.equal(await result.text, "The tools said: rain in Oslo and rain in Rome");
});

test("Output.object reads an answer by its schema", async () => {
  const prompt = "Alice and Bob are going to a science fair on Friday.";
  // For a model that the provider does not know it would have a tool called that takes the answer.
  const providerOptions = { anthropic: { structuredOutputMode: "outputFormat" } };
  const output = Output.object({ schema: Fair });
  const result = await generateText({ model, maxOutputTokens, prompt, output, providerOptions });
  assert.deepEqual(result.output, FAIR);
});

test("an image reaches the agent", async () => {
  const content = [{ type: "file", mediaType: "image/png", data: Buffer.from(IMAGE, "base64") }];
  assert.equal((await generateText({ model, maxOutputTokens, messages: [user(content)] })).text, IMAGE_SEEN);
});

test("messages are the conversation, and the answer's own are the next request's history", async () => {
  const messages = [user("One"), assistant("ok"), user("What did I say?")];
  assert.equal((await generateText({ model, maxOutputTokens, messages })).text, "One");
  const question = user("The weather?");
  const asked = { model, maxOutputTokens, tools: tools() };
  const first = await generateText({ ...asked, messages: [question], stopWhen: isStepCount(5) });
  const next = [question, ...first.responseMessages, user("What did I say?")];
  assert.equal((await generateText({ ...asked, messages: next })).text, "The weather?");
});

test("thoughts are reasoning parts, and can be sent back", async () => {
  const providerOptions = { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } };
  const asked = { model, maxOutputTokens, providerOptions };
  const question = user("Think");
  const result = await generateText({ ...asked, messages: [question] });
  assert.deepEqual([result.reasoningText, result.text], ["Let me think.", "Done thinking."]);
  const parts = await all(streamText({ ...asked, messages: [question] }).stream);
  const thoughts = parts.filter((part) => part.type === "reasoning-delta").map((part) => part.text);
  assert.equal(thoughts.join(""), "Let me think.");
  const messages = [question, ...result.responseMessages, user("What did I say?")];
  assert.equal((await generateText({ ...asked, messages })).text, "Think");
});

test("an unknown model and a run that fails are errors with their causes", async () => {
  await assert.rejects(generateText({ model: provider("nothing"), maxOutputTokens, prompt: "Hello" }), (error) => {
    assert.ok(APICallError.isInstance(error), `${error}`);
    assert.equal(error.statusCode, 404);
    return true;
  });
  await assert.rejects(generateText({ model, maxOutputTokens, prompt: "Fail", maxRetries: 0 }), /out of order/);
  const result = streamText({ model, maxOutputTokens, prompt: "Fail", maxRetries: 0, onError: () => {} });
  const errors = (await all(result.stream)).filter((part) => part.type === "error");
  assert.equal(errors.length, 1);
});
