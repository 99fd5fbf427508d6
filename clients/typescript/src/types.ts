// The API's types under short names. All of them come from openapi.yaml, by schema.ts; nothing here is code at run time.
import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];

/** Every code that an error of the API may have. A proxy's error has `HTTP_` and its status. */
export type ErrorCode = Schemas["Error"]["code"];

/** A run as the server keeps it. */
export type RunDetail = Schemas["RunDetail"];

/** What a paused run waits for. */
export type PendingAction = Schemas["PendingAction"];

/** An answer to a pending action: `decision` for an approval, `output` or `error` for the rest. */
export interface Answer {
  id: string;
  decision?: "approve" | "reject";
  arguments?: { [name: string]: unknown };
  message?: string;
  remember?: "session";
  output?: unknown;
  error?: string;
}

/** What starts a run; `stream` and `background` are the client's to set. */
export interface RunBody
  extends Omit<Partial<Extract<Schemas["RunRequest"], { on_disconnect?: string }>>, "stream" | "background"> {}

/** The data of each type of event. */
export interface RunEventData {
  run_start: Schemas["RunStartData"];
  reasoning: Schemas["ReasoningData"];
  token: Schemas["TokenData"];
  tool_call: Schemas["ToolCallData"];
  custom: Schemas["CustomData"];
  state: Schemas["StateData"];
  paused: Schemas["PausedData"];
  resumed: Schemas["ResumedData"];
  complete: Schemas["CompleteData"];
  error: Schemas["ErrorData"];
}

export type RunEventType = keyof RunEventData;

interface RunEventOf<T extends RunEventType> {
  /** The event's number in its run: 1, 2, 3 … To continue after it, pass it as `after`. */
  id: number;
  type: T;
  /** When it happened (RFC 3339, UTC). */
  timestamp: string;
  run_id: string;
  agent_id: string;
  session_id?: string;
  data: RunEventData[T];
  /** The run's events are not kept any more: this end was made from the run's record, and has the id of the last event seen. */
  from_record?: true;
}

/** An event of a run. `switch (event.type)` narrows `event.data`. */
export type RunEvent = { [T in RunEventType]: RunEventOf<T> }[RunEventType];

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The paths of the API that have a method. */
export type PathWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<Lowercase<M>, { responses: unknown }> ? P : never;
}[keyof paths];

export type Operation<M extends Method, P extends keyof paths> = paths[P][Lowercase<M> & keyof paths[P]];

type Responses<O> = O extends { responses: infer R } ? R : never;
type Content<R> = R extends { content: { "application/json": infer D } } ? D : undefined;

/** The JSON of an operation's answer; `undefined` where it has none. */
export type DataOf<O> = {
  [S in keyof Responses<O> & (200 | 201 | 202 | 204)]: Content<Responses<O>[S]>;
}[keyof Responses<O> & (200 | 201 | 202 | 204)];

export type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type ParamsOf<O> = O extends { parameters: { path: infer P } } ? { params: P } : { params?: undefined };
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } }
  ? { body: B }
  : O extends { requestBody?: { content: { "application/json": infer B } } }
    ? { body?: B }
    : { body?: undefined };

/** What an operation takes: its path parameters, query and body. */
export type InputOf<O> = ParamsOf<O> & BodyOf<O> & { query?: QueryOf<O> | undefined };
