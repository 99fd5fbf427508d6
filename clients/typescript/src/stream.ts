// A run's events over any number of connections: each event once, in order, to the run's end.
import { eventsOf } from "./connection.js";
import { APIError, ConnectionError } from "./errors.js";
import { isEnd, Order } from "./order.js";
import { endOf } from "./record.js";
import { segment, type Transport } from "./transport.js";
import type { RunBody, RunDetail, RunEvent, RunEventType } from "./types.js";
import { mayRetry, pause, sleep, Watchdog } from "./waiting.js";

/** `idle`: the iteration has not begun. `waiting`: the connection is lost, and the next attempt comes after a pause. */
export type StreamState = "idle" | "connecting" | "open" | "waiting" | "closed";

export interface StreamOptions {
  /** Stops following: the iteration throws the signal's reason. The run continues. */
  signal?: AbortSignal | undefined;
  /** Called when the state changes; `error` says why the stream is waiting. */
  onState?: ((state: StreamState, error?: unknown) => void) | undefined;
  /** The types of events to get; none means all. `complete`, `error`, `paused` and `resumed` always come. */
  types?: readonly (RunEventType | (string & {}))[] | undefined;
  /** Do not end at `paused`: wait for the answers, and continue. */
  throughPauses?: boolean | undefined;
  /** Milliseconds without a byte after which a connection counts as broken (45,000: three heartbeats). */
  silence?: number | undefined;
  /** Milliseconds without a connection after which the stream of an accepted run gives up (300,000). */
  reconnectTimeout?: number | undefined;
}

export interface FollowOptions extends StreamOptions {
  /** Only events after this one: the `id` of the last event that was seen. */
  after?: number | undefined;
}

export interface StartOptions extends StreamOptions {
  /** The request's name, at random if absent. The same key and body again are the same run. */
  idempotencyKey?: string | undefined;
}

/** A run to start, or one to follow. */
export type Source = { agentId: string; body: RunBody; idempotencyKey: string } | { runId: string; after: number };

/** A connection that lasted so long was none of a row of failures. */
const LASTED = 10_000;

/** The events of one run: iterate over it once. Leaving the loop stops following, and not the run. */
export class RunStream implements AsyncIterable<RunEvent> {
  /** The run's id, as soon as the server has accepted the run. */
  runId: string | undefined;
  state: StreamState = "idle";
  /** The key with which the run is started; absent where a run is followed. */
  readonly idempotencyKey: string | undefined;

  readonly #transport: Transport;
  readonly #source: Source;
  readonly #options: StreamOptions;
  readonly #order: Order;
  #used = false;
  #over = false;
  #failures = 0;
  #lostAt: number | undefined;

  constructor(transport: Transport, source: Source, options: StreamOptions) {
    const followed = "runId" in source;
    this.#transport = transport;
    this.#source = source;
    this.#options = options;
    this.#order = new Order(followed ? source.after : 0, Boolean(options.types?.length));
    this.runId = followed ? source.runId : undefined;
    // Now, so that a mistake is seen where it is made.
    if (followed) segment(source.runId, "runId");
    else segment(source.agentId, "agentId");
    this.idempotencyKey = followed ? undefined : source.idempotencyKey;
  }

  /** The number of the last event: what `follow` takes as `after`. */
  get lastEventId(): number {
    return this.#order.last;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined> {
    if (this.#used) throw new TypeError("a stream is read once; to read its run again, follow the run");
    this.#used = true;
    try {
      while (!this.#over) {
        const watchdog = new Watchdog(this.#options.silence ?? 45_000, this.#options.signal);
        let failure: unknown;
        try {
          yield* this.#connection(watchdog);
        } catch (error) {
          failure = error;
        } finally {
          watchdog.close();
        }
        if (failure !== undefined) await this.#recover(failure);
      }
    } finally {
      this.#enter("closed");
    }
  }

  /** Yield what one connection brings that is new. Throws where there must be more, and sets `#over` where there is none. */
  async *#connection(watchdog: Watchdog): AsyncGenerator<RunEvent, void, undefined> {
    const { throughPauses = false } = this.#options;
    this.#enter("connecting");
    // A connection broke after `paused`. Another one would wait for the answers, if the run still waits for them.
    if (this.#order.type === "paused" && !throughPauses && (await this.#record()).status === "paused") {
      this.#over = true;
      return;
    }
    const response = await this.#open(watchdog);
    const openedAt = Date.now();
    this.#lostAt = undefined;
    this.#enter("open");
    if (response === undefined || response.status === 204) {
      this.#over = true;
      // 204 says that the end was seen: by the caller, who asked for what comes after it, or here, and then it was lost.
      if (response === undefined || this.#order.type !== undefined) yield endOf(await this.#record(), this.lastEventId);
      return;
    }
    try {
      for await (const event of eventsOf(response, watchdog)) {
        this.runId ??= event.run_id;
        if (!this.#order.accept(event)) continue;
        this.#failures = 0;
        this.#over = isEnd(event);
        yield event;
        if (this.#over) return;
      }
    } finally {
      if (Date.now() - openedAt > LASTED) this.#failures = 0;
    }
    // The server ends the connection after a pause that is not over. In the middle, one that was answered may come.
    if (this.#order.type !== "paused") throw new ConnectionError("the stream ended before the run did");
    this.#over = !throughPauses;
  }

  /** Open a connection; `undefined` if the run's events are not kept any more. */
  async #open(watchdog: Watchdog): Promise<Response | undefined> {
    const query = { types: this.#options.types?.join(",") || undefined };
    const headers: Record<string, string> = { Accept: "text/event-stream, application/json" };
    if (this.runId === undefined && "agentId" in this.#source) {
      const { agentId, body, idempotencyKey } = this.#source;
      const path = `/api/v1/agents/${segment(agentId, "agentId")}/run/stream`;
      // The same key each time: if the server has taken the run, the answer is that run's stream.
      const response = await this.#transport.open(
        this.#transport.prepare("POST", path, { query, headers, body, idempotencyKey }),
        watchdog,
      );
      this.runId = response.headers.get("X-Run-ID") ?? undefined;
      return response;
    }
    if (this.lastEventId) headers["Last-Event-ID"] = String(this.lastEventId);
    try {
      return await this.#transport.open(
        this.#transport.prepare("GET", `${this.#path}/events`, { query, headers }),
        watchdog,
      );
    } catch (error) {
      if (error instanceof APIError && error.code === "EVENTS_EXPIRED") return undefined;
      throw error;
    }
  }

  async #record(): Promise<RunDetail> {
    return (await this.#transport.request<RunDetail>("GET", this.#path, { signal: this.#options.signal })).data;
  }

  get #path(): string {
    return `/api/v1/runs/${segment(this.runId, "runId")}`;
  }

  /** Wait before the next connection. Throws the failure where another one would not help. */
  async #recover(failure: unknown): Promise<void> {
    const { signal, reconnectTimeout = 300_000 } = this.#options;
    this.#lostAt ??= Date.now();
    this.#failures++;
    const exhausted =
      this.runId === undefined
        ? this.#failures > this.#transport.retries
        : Date.now() - this.#lostAt > reconnectTimeout;
    if (signal?.aborted || exhausted || !mayRetry(failure, true)) throw failure;
    this.#enter("waiting", failure);
    await sleep(pause(this.#failures, failure), signal);
  }

  #enter(state: StreamState, error?: unknown): void {
    if (state === this.state && error === undefined) return;
    this.state = state;
    this.#options.onState?.(state, error);
  }
}
