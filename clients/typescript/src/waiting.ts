// How long to wait before the next attempt, and the waiting.
import { AgentOSError, APIError, ConnectionError } from "./errors.js";

const FIRST = 500;
const LONGEST = 5_000;

/** Above this, the caller decides whether to wait: nothing seems to happen for so long. */
const LONGEST_ASKED = 60_000;

/** Return whether another attempt can help. A request that is not `repeatable` may have been done already. */
export function mayRetry(error: unknown, repeatable: boolean): boolean {
  if (!repeatable) return false;
  if (error instanceof APIError) return error.retryable && (error.retryAfter ?? 0) <= LONGEST_ASKED;
  return error instanceof ConnectionError;
}

/** Return the milliseconds before an attempt: longer after each failure, at random so that clients do not come together. */
export function pause(failures: number, error?: unknown): number {
  const longest = Math.min(LONGEST, FIRST * 2 ** (failures - 1));
  const asked = error instanceof APIError ? (error.retryAfter ?? 0) : 0;
  return Math.round(Math.max(asked, longest / 2) + (Math.random() * longest) / 2);
}

/** Wait, or less if a browser reports that its network is back. Throws the signal's reason once it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      globalThis.removeEventListener?.("online", done);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    globalThis.addEventListener?.("online", done);
  });
}

/** Aborts its signal after some milliseconds without `feed`, or when another signal is aborted. */
export class Watchdog {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #limit: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  expired = false;

  constructor(limit: number, parent?: AbortSignal) {
    this.#limit = limit;
    this.#parent = parent;
    if (parent?.aborted) this.#follow();
    else parent?.addEventListener("abort", this.#follow);
    this.feed();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Count from now. */
  feed(): void {
    this.rest();
    if (!Number.isFinite(this.#limit)) return;
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#controller.abort();
    }, this.#limit);
  }

  /** Do not count until the next `feed`. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Stop counting and following. What still uses the signal is aborted. */
  close(): void {
    this.rest();
    this.#parent?.removeEventListener("abort", this.#follow);
    this.#controller.abort();
  }

  /** Return what a failure means: the caller's own abort, silence, or a broken connection. */
  explain(error: unknown, what: string): unknown {
    if (this.#parent?.aborted) return this.#parent.reason;
    if (error instanceof AgentOSError) return error;
    if (this.expired) return new ConnectionError(`${what}: nothing came for ${this.#limit / 1000} s`, { cause: error });
    const why = error instanceof Error ? error.message : String(error);
    return new ConnectionError(`${what}: ${why}`, { cause: error });
  }

  #follow = (): void => this.#controller.abort(this.#parent?.reason);
}
