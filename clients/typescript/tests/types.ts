// Compiled, not run. A line after @ts-expect-error has to be a mistake.
import { AgentOS, APIError, type RunEvent, type Schemas } from "@agentos-server/client";

const client = new AgentOS();

export async function requests(): Promise<void> {
  const { data } = await client.request("GET", "/api/v1/sessions/{session_id}", { params: { session_id: "s" } });
  const name: string | null = data.name;
  // @ts-expect-error: a session has no colour
  data.colour;
  // @ts-expect-error: the agent is missing
  client.request("POST", "/api/v1/sessions", { body: {} }).then(({ data }) => data.session_id);
  const made = await client.request("POST", "/api/v1/sessions", { body: { agent_id: "helper" } });
  const id: string = made.data.session_id;
  const gone = await client.request("DELETE", "/api/v1/sessions/{session_id}", { params: { session_id: id } });
  const message: string = gone.data.message;
  const own = await client.request<{ a: number }>("GET", "/my/path");
  const number: number = own.data.a;
  const listed = await client.request("GET", "/api/v1/sessions", { query: { limit: 5, q: "poem" } });
  const sessions: Schemas["ListedSession"][] = listed.data.sessions;
  for await (const page of client.list<Schemas["SessionList"]>("/api/v1/sessions", { q: "a" })) page.sessions[0]?.name;
  for await (const page of client.list("/api/v1/agents", { limit: 10 })) page.agents[0]?.id.trim();
  // @ts-expect-error: an agent has no colour
  for await (const page of client.list("/api/v1/agents")) page.agents[0]?.colour;
}

export async function runs(): Promise<void> {
  const stream = client.runs.stream("helper", { input: "Hello", session_id: "s", concurrency: "interrupt" });
  // @ts-expect-error: no such way
  client.runs.stream("helper", { input: "Hello", concurrency: "sometimes" });
  // @ts-expect-error: the client sets it
  await client.runs.start("helper", { input: "Hello", background: false });
  for await (const event of stream) shown(event);
  const { pending, status } = await client.runs.get("r");
  // @ts-expect-error: no such status
  if (status === "done") return;
  await client.runs.resume("r", [{ id: pending[0]?.id ?? "", decision: "approve" }]);
}

export function shown(event: RunEvent): string {
  switch (event.type) {
    case "token":
      return event.data.token;
    case "tool_call":
      return `${event.data.tool_name}: ${event.data.status}`;
    case "complete":
      return event.data.output;
    case "error":
      return event.data.code;
    default:
      // @ts-expect-error: not all of the rest have a token
      return event.data.token;
  }
}

export function said(error: unknown): string {
  if (!(error instanceof APIError)) return "";
  if (error.code === "AGENT_NOT_FOUND") return "no such agent";
  return `${error.code} ${error.requestId ?? ""}`;
}
