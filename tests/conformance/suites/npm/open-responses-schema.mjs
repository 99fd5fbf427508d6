// What the specification Open Responses (2026-04-24) says of responses, their items and their events, as far as an agent
// of ours can make them. https://www.openresponses.org
import { z } from "zod";

const status = z.enum(["in_progress", "completed", "incomplete"]);
const number = z.int();
const position = { item_id: z.string(), output_index: number };
const place = { ...position, content_index: number };

const logprobs = z.array(z.object({ token: z.string(), logprob: z.number(), bytes: z.array(number) })).optional();
const outputText = z.object({ type: z.literal("output_text"), text: z.string(), annotations: z.array(z.unknown()), logprobs });
const refusal = z.object({ type: z.literal("refusal"), refusal: z.string() });
const reasoningText = z.object({ type: z.literal("reasoning_text"), text: z.string() });
const summaryText = z.object({ type: z.literal("summary_text"), text: z.string() });
const part = z.discriminatedUnion("type", [outputText, refusal, reasoningText, summaryText]);

const item = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("message"),
    id: z.string(),
    status,
    role: z.enum(["user", "assistant", "system", "developer"]),
    content: z.array(part),
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string(),
    call_id: z.string().min(1).max(64),
    name: z.string(),
    arguments: z.string(),
    status,
  }),
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    content: z.array(part).optional(),
    summary: z.array(part),
    encrypted_content: z.string().optional(),
  }),
]);

const tool = z.object({
  type: z.literal("function"),
  name: z.string(),
  description: z.string().nullable(),
  parameters: z.record(z.string(), z.unknown()).nullable(),
  strict: z.boolean().nullable(),
});

const choice = z.enum(["none", "auto", "required"]);
const functionChoice = z.object({ type: z.literal("function"), name: z.string().optional() });

// The specification has `schema: null` in the last one, which no schema that a client sent can be.
const format = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({ type: z.literal("json_schema"), name: z.string(), description: z.string().nullable(), strict: z.boolean() }),
]);

const usage = z.object({
  input_tokens: number,
  output_tokens: number,
  total_tokens: number,
  input_tokens_details: z.object({ cached_tokens: number }),
  output_tokens_details: z.object({ reasoning_tokens: number }),
});

export const Response = z.object({
  id: z.string(),
  object: z.literal("response"),
  created_at: number,
  completed_at: number.nullable(),
  status: z.string(),
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  model: z.string(),
  previous_response_id: z.string().nullable(),
  instructions: z.string().nullable(),
  output: z.array(item),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  tools: z.array(tool),
  tool_choice: z.union([functionChoice, choice]),
  truncation: z.enum(["auto", "disabled"]),
  parallel_tool_calls: z.boolean(),
  text: z.object({ format, verbosity: z.enum(["low", "medium", "high"]).optional() }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: number,
  temperature: z.number(),
  reasoning: z
    .object({
      effort: z.enum(["none", "low", "medium", "high", "xhigh"]).nullable(),
      summary: z.enum(["concise", "detailed", "auto"]).nullable(),
    })
    .nullable(),
  usage: usage.nullable(),
  max_output_tokens: number.nullable(),
  max_tool_calls: number.nullable(),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: z.string(),
  metadata: z.unknown().refine((value) => value !== undefined, "is missing"),
  safety_identifier: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
});

const event = (type, fields) => z.object({ type: z.literal(type), sequence_number: number, ...fields });
const whole = ["created", "queued", "in_progress", "completed", "failed", "incomplete"];
const error = z.object({ type: z.string(), code: z.string().nullable(), message: z.string(), param: z.string().nullable() });

export const Event = z.discriminatedUnion("type", [
  ...whole.map((name) => event(`response.${name}`, { response: Response })),
  event("response.output_item.added", { output_index: number, item: item.nullable() }),
  event("response.output_item.done", { output_index: number, item: item.nullable() }),
  event("response.content_part.added", { ...place, part }),
  event("response.content_part.done", { ...place, part }),
  event("response.output_text.delta", { ...place, delta: z.string(), logprobs }),
  event("response.output_text.done", { ...place, text: z.string(), logprobs }),
  // Open Responses calls them response.reasoning.*; its clients read OpenAI's names, which stand here.
  event("response.reasoning_text.delta", { ...place, delta: z.string() }),
  event("response.reasoning_text.done", { ...place, text: z.string() }),
  event("response.function_call_arguments.delta", { ...position, delta: z.string() }),
  event("response.function_call_arguments.done", { ...position, arguments: z.string() }),
  event("error", { error }),
]);
