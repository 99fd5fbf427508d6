// Vercel's AI SDK with each of its providers that can speak to the server.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createOpenResponses } from "@ai-sdk/open-responses";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateObject, generateText, isStepCount, streamObject, streamText, tool } from "ai";
import { z } from "zod";

import { IMAGE, IMAGE_SEEN, all, assistant, baseURL, counting, endOfRun, key, user } from "../shared/support.mjs";

// What the SDK would print, its results have, and the tests look there.
globalThis.AI_SDK_LOG_WARNINGS = false;

const PROVIDERS = {
  "openai-compatible": (options) =>
    createOpenAICompatible({ name: "agentos", baseURL, includeUsage: true, supportsStructuredOutputs: true, ...options }),
  "openai, chat": (options) => createOpenAI({ baseURL, ...options }).chat,
  "openai, responses": (options) => createOpenAI({ baseURL, ...options }).responses,
  "open-responses": (options) => createOpenResponses({ name: "agentos", url: `${baseURL}/responses`, ...options }),
};

const FAIR = { name: "Science fair", date: "Friday", participants: ["Alice", "Bob"] };
const Fair = z.object({ name: z.string(), date: z.string(), participants: z.array(z.string()) });
const FAIR_PROMPT = "Alice and Bob are going to a science fair on Friday.";

function tools(asked = []) {
  return {
    weather: tool({
      description: "Tell the weather.",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => {
        asked.push(city);
        return `rain in ${city}`;
      },
    }),
  };
}

const clothes = tool({
  description: "Say what to wear.",
  inputSchema: z.object({ weather: z.string() }),
  execute: async ({ weather }) => `boots for ${weather}`,
});

for (const [name, make] of Object.entries(PROVIDERS)) {
  const isChat = !name.includes("responses");
  const provider = make({ apiKey: key });
  const model = provider("helper");

  describe(name, () => {
    test("generateText has text, reason and usage, and no warnings", async () => {
      const result = await generateText({ model, prompt: "Hello there" });
      assert.equal(result.text, "You said: Hello there");
      assert.equal(result.finishReason, "stop");
      assert.deepEqual(result.warnings ?? [], []);
      const { inputTokens, outputTokens, totalTokens, inputTokenDetails, outputTokenDetails } = result.usage;
      assert.deepEqual([inputTokens, outputTokens, totalTokens], [10, 5, 15]);
      assert.deepEqual([inputTokenDetails.cacheReadTokens, outputTokenDetails.reasoningTokens], [4, 2]);
      assert.equal(result.response.modelId, "helper");
    });

    test("streamText has each piece, reason and usage", async () => {
      const result = streamText({ model, prompt: "Count to 30" });
      const pieces = await all(result.textStream);
      assert.equal(pieces.join(""), Array.from({ length: 30 }, (_, number) => `${number + 1} `).join(""));
      assert.ok(pieces.length > 1);
      assert.equal(await result.finishReason, "stop");
      assert.equal((await result.usage).totalTokens, 15);
    });

    test("several steps with tools, each executed once", async () => {
      const asked = [];
      const result = await generateText({
        model,
        prompt: "The weather in both cities?",
        tools: { ...tools(asked), clothes },
        stopWhen: isStepCount(5),
      });
      assert.deepEqual(asked, ["Oslo", "Rome"]);
      assert.equal(result.text, "The tools said: boots for rain");
      assert.deepEqual(result.steps.map((step) => step.finishReason), ["tool-calls", "tool-calls", "stop"]);
      assert.deepEqual(result.warnings ?? [], []);
    });

    test("several steps with tools, streamed", async () => {
      const result = streamText({ model, prompt: "The weather in both cities?", tools: tools(), stopWhen: isStepCount(5) });
      const parts = await all(result.stream);
      assert.deepEqual(parts.filter((part) => part.type === "error"), []);
      assert.deepEqual(parts.filter((part) => part.type === "tool-result").map((part) => part.output), ["rain in Oslo", "rain in Rome"]);
      assert.equal(await result.text, "The tools said: rain in Oslo and rain in Rome");
    });

    test("a forced tool is called", async () => {
      const toolChoice = { type: "tool", toolName: "weather" };
      const result = await generateText({ model, prompt: "The weather?", tools: tools(), toolChoice });
      assert.deepEqual(result.toolCalls.map((call) => call.input), [{ city: "Oslo" }]);
    });

    test("Output.object reads an answer by its schema", async () => {
      const result = await generateText({ model, prompt: FAIR_PROMPT, output: Output.object({ schema: Fair }) });
      assert.deepEqual(result.output, FAIR);
      assert.deepEqual(result.warnings ?? [], []);
    });

    test("generateObject and streamObject do, too", async () => {
      const { object } = await generateObject({ model, prompt: FAIR_PROMPT, schema: Fair });
      assert.deepEqual(object, FAIR);
      const streamed = streamObject({ model, prompt: FAIR_PROMPT, schema: Fair });
      assert.deepEqual((await all(streamed.partialObjectStream)).at(-1), FAIR);
      assert.deepEqual(await streamed.object, FAIR);
    });

    test("an image reaches the agent", async () => {
      const content = [{ type: "file", mediaType: "image/png", data: Buffer.from(IMAGE, "base64") }];
      const result = await generateText({ model, messages: [user(content)] });
      assert.equal(result.text, IMAGE_SEEN);
    });

    test("messages are the conversation", async () => {
      const messages = [user("One"), assistant("ok"), user("Two"), assistant("ok"), user("What did I say?")];
      assert.equal((await generateText({ model, messages })).text, "One / Two");
    });

    test("the answer's own messages are the next request's history", async () => {
      const question = user("The weather?");
      const first = await generateText({ model, messages: [question], tools: tools(), stopWhen: isStepCount(5) });
      const messages = [question, ...first.responseMessages, user("What did I say?")];
      assert.equal((await generateText({ model, messages, tools: tools() })).text, "The weather?");
    });

    test("instructions follow the agent's", async () => {
      const result = await generateText({ model, instructions: "Rhyme.", prompt: "What are your instructions?" });
      assert.equal(result.text.replaceAll("\n\n", " / "), "Be short. / Rhyme.");
    });

    test("a parameter that the agent allows reaches the model", async () => {
      const result = await generateText({ model, prompt: "How warm are you?", temperature: 0.25 });
      assert.equal(result.text, "0.25");
    });

    test("an unknown model is an error that says so, and is not asked for again", async () => {
      const fetch = counting();
      const asking = generateText({ model: make({ apiKey: key, fetch })("nothing"), prompt: "Hello" });
      await assert.rejects(asking, (error) => {
        assert.ok(APICallError.isInstance(error), `${error}`);
        assert.equal(error.statusCode, 404);
        assert.equal(JSON.parse(error.responseBody).error.code, "model_not_found");
        return true;
      });
      assert.equal(fetch.calls, 1);
    });

    test("a run that fails is an error with its cause", async () => {
      await assert.rejects(generateText({ model, prompt: "Fail", maxRetries: 0 }), (error) => {
        assert.match(JSON.stringify([error.message, error.responseBody]), /out of order/);
        return true;
      });
    });

    test("a stream of a run that fails has its error", async () => {
      const result = streamText({ model, prompt: "Fail", maxRetries: 0, onError: () => {} });
      const errors = (await all(result.stream)).filter((part) => part.type === "error");
      assert.equal(errors.length, 1);
      assert.match(errors[0].error.message ?? JSON.stringify(errors[0].error), /out of order/);
    });

    for (const [most, onDisconnect, status] of [
      [20, undefined, "completed"],
      [300, "cancel", "cancelled"],
    ]) {
      test(`an aborted stream's run is ${status}${onDisconnect ? " where the client asked for that" : ""}`, { timeout: 30_000 }, async () => {
        const leaving = new AbortController();
        const headers = onDisconnect ? { "X-AgentOS-On-Disconnect": onDisconnect } : {};
        let runId;
        const fetch = async (...request) => {
          const response = await globalThis.fetch(...request);
          runId = response.headers.get("x-run-id");
          return response;
        };
        const prompt = `Count to ${most} slowly`;
        const result = streamText({ model: make({ apiKey: key, fetch })("helper"), prompt, headers, abortSignal: leaving.signal });
        const parts = [];
        for await (const part of result.stream) {
          parts.push(part.type);
          if (part.type === "text-delta") leaving.abort();
        }
        assert.equal(parts.at(-1), "abort");
        assert.equal((await endOfRun(runId)).status, status);
      });
    }

    // OpenAI's own provider reads no `reasoning_content`, and of responses only summaries: no agent's model makes those.
    test("thoughts are reasoning parts", { skip: name === "openai, chat" && "the provider does not read them" }, async () => {
      const result = await generateText({ model, prompt: "Think" });
      assert.equal(result.text, "Done thinking.");
      if (name !== "openai, responses") assert.equal(result.reasoningText, "Let me think.");
      const parts = await all(streamText({ model, prompt: "Think" }).stream);
      assert.deepEqual(parts.filter((part) => part.type === "error"), []);
      const thoughts = parts.filter((part) => part.type === "reasoning-delta").map((part) => part.text);
      if (name !== "openai, responses") assert.equal(thoughts.join(""), "Let me think.");
    });

    test("a session keeps the history, by its header", { skip: !isChat && "responses have conversations" }, async () => {
      const { session_id: session } = await (
        await fetch(`${baseURL.replace("/v1", "")}/api/v1/sessions`, {
          method: "POST",
          headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
          body: JSON.stringify({ agent_id: "helper" }),
        })
      ).json();
      const headers = { "X-AgentOS-Session-Id": session };
      await generateText({ model, prompt: "One", headers });
      assert.equal((await generateText({ model, prompt: "What did I say?", headers })).text, "One");
    });
  });
}

test("previousResponseId and conversation continue what was said", async () => {
  const model = createOpenAI({ baseURL, apiKey: key }).responses("helper");
  const first = await generateText({ model, prompt: "One" });
  const previousResponseId = first.providerMetadata.openai.responseId;
  const second = await generateText({ model, prompt: "What did I say?", providerOptions: { openai: { previousResponseId } } });
  assert.equal(second.text, "One");
});
