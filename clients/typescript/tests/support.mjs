// Where the server is, and what tests share.
import { randomUUID } from "node:crypto";

import { AgentOS } from "../dist/index.js";

export const url = process.env.AGENTOS_CONFORMANCE_URL;
export const key = process.env.AGENTOS_CONFORMANCE_KEY;
export const readingKey = process.env.AGENTOS_CONFORMANCE_READING_KEY;
export const approvingKey = process.env.AGENTOS_CONFORMANCE_APPROVING_KEY;

export const client = new AgentOS({ baseUrl: url, key });

// What the agent says to "Greet me".
export const GREETING = "Grüße 👋, «dear»\nfriend\u2028! ";

export async function all(iterable) {
  const found = [];
  for await (const one of iterable) found.push(one);
  return found;
}

export const textOf = (events) =>
  events
    .filter(({ type }) => type === "token")
    .map(({ data }) => data.token)
    .join("");

export const idsOf = (events) => events.map(({ id }) => id);

export const upTo = (last) => Array.from({ length: last }, (_, index) => index + 1);

// A new session: the runs in it are those of one test.
export async function newSession(agentId = "helper") {
  const { data } = await client.request("POST", "/api/v1/sessions", { body: { agent_id: agentId } });
  return data.session_id;
}

export async function runsIn(sessionId) {
  return (await client.runs.list({ session_id: sessionId })).runs;
}

export const name = () => randomUUID().replaceAll("-", "");

// Run a function for each value, some at a time.
export async function each(values, atOnce, run) {
  const left = [...values];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left.length) await run(left.shift());
    }),
  );
}

// Resolves to the first truthy value, or throws after ten seconds.
export async function until(ask) {
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((next) => setTimeout(next, 20))) {
    const found = await ask();
    if (found) return found;
  }
  throw new Error(`not within ten seconds: ${ask}`);
}
