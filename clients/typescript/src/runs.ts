// Runs: start, stream, follow, answer, cancel.
import { APIError } from "./errors.js";
import { RunStream, type FollowOptions, type StartOptions, type StreamOptions } from "./stream.js";
import { segment, type Query, type RequestOptions, type Transport } from "./transport.js";
import type { Answer, RunBody, RunDetail, Schemas } from "./types.js";

export type CallOptions = Pick<RequestOptions, "signal" | "timeout" | "retries">;

/** `idempotencyKey` is made at random if absent: a request that is sent again starts no second run. */
export type StartRunOptions = CallOptions & Pick<RequestOptions, "idempotencyKey">;

export class Runs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Start a run that needs no connection, and return it at once. */
  async start(agentId: string, body: RunBody, options: StartRunOptions = {}): Promise<Run> {
    const { data } = await this.#post<Schemas["AcceptedRun"]>(agentId, { ...body, background: true }, options);
    return new Run(this, data.run_id);
  }

  /** Run an agent and return its answer, or what it waits for (`status` is `paused`). How a run fails is an `APIError`. */
  async run(
    agentId: string,
    body: RunBody,
    options: StartRunOptions = {},
  ): Promise<Schemas["RunAnswer"] | Schemas["PausedRun"]> {
    return (await this.#post<Schemas["RunAnswer"] | Schemas["PausedRun"]>(agentId, body, options)).data;
  }

  /** Start a run, and return its events. The request is sent when the iteration begins. */
  stream(agentId: string, body: RunBody, options: StartOptions = {}): RunStream {
    const { idempotencyKey = randomKey() } = options;
    return new RunStream(this.#transport, { agentId, body, idempotencyKey }, options);
  }

  /** Return the events of a run that is there: all, or those after one. A paused run of which all was seen is waited for. */
  follow(runId: string, options: FollowOptions = {}): RunStream {
    return new RunStream(this.#transport, { runId, after: options.after ?? 0 }, options);
  }

  /** Return a handle of a run that is there. */
  handle(runId: string): Run {
    return new Run(this, runId);
  }

  /** Return a run's record. */
  async get(runId: string, options: CallOptions = {}): Promise<RunDetail> {
    return (await this.#transport.request<RunDetail>("GET", path(runId), options)).data;
  }

  /** Return a page of runs; `next_cursor` is the next page's `cursor`. */
  async list(query: Query = {}, options: CallOptions = {}): Promise<Schemas["RunList"]> {
    return (await this.#transport.request<Schemas["RunList"]>("GET", "/api/v1/runs", { ...options, query })).data;
  }

  /** Stop a run at any worker, and return its record. A run that has ended already is returned as it is. */
  async cancel(runId: string, options: CallOptions = {}): Promise<RunDetail> {
    try {
      await this.#transport.request("POST", `${path(runId)}/cancel`, { ...options, repeatable: true });
    } catch (error) {
      if (!(error instanceof APIError && error.code === "RUN_FINISHED")) throw error;
    }
    return this.get(runId, options);
  }

  /** Answer what a paused run waits for. The same answer again changes nothing. */
  async resume(runId: string, answers: readonly Answer[], options: CallOptions = {}): Promise<RunDetail> {
    const sending = { ...options, body: { answers }, repeatable: true };
    return (await this.#transport.request<RunDetail>("POST", `${path(runId)}/resume`, sending)).data;
  }

  /** Remove a run that has ended. */
  async delete(runId: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.request("DELETE", path(runId), options);
  }

  #post<T>(agentId: string, body: object, options: StartRunOptions) {
    const { idempotencyKey = randomKey() } = options;
    const where = `/api/v1/agents/${segment(agentId, "agentId")}/run`;
    return this.#transport.request<T>("POST", where, { ...options, body, idempotencyKey });
  }
}

/** One run. It needs no connection: each method makes one. */
export class Run {
  readonly id: string;
  readonly #runs: Runs;

  constructor(runs: Runs, id: string) {
    this.id = id;
    this.#runs = runs;
  }

  events(options: FollowOptions = {}): RunStream {
    return this.#runs.follow(this.id, options);
  }

  get(options: CallOptions = {}): Promise<RunDetail> {
    return this.#runs.get(this.id, options);
  }

  /** Wait until the run ends or pauses, over any number of connections, and return its record. */
  async wait(options: StreamOptions = {}): Promise<RunDetail> {
    for await (const _ of this.events({ ...options, types: ["complete"] }));
    return this.get({ signal: options.signal });
  }

  cancel(options: CallOptions = {}): Promise<RunDetail> {
    return this.#runs.cancel(this.id, options);
  }

  resume(answers: readonly Answer[], options: CallOptions = {}): Promise<RunDetail> {
    return this.#runs.resume(this.id, answers, options);
  }
}

function path(runId: string): string {
  return `/api/v1/runs/${segment(runId, "runId")}`;
}

/** Return a random name. `crypto.randomUUID` is missing in pages that come over plain HTTP from another machine. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
