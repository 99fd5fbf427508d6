// AgentOSError
// ├── APIError         the server answered, and the answer is an error
// └── ConnectionError  there is no whole answer
import type { ErrorCode } from "./types.js";

/** What this client throws, but for programming mistakes (`TypeError`) and an aborted signal's own reason. */
export class AgentOSError extends Error {
  override name = "AgentOSError";
}

/** The server's answer is an error. */
export class APIError extends AgentOSError {
  override name = "APIError";
  readonly status: number;
  /** What went wrong, for programs. An error that is not of AgentOS, as of a proxy, has `HTTP_502` and the like. */
  readonly code: ErrorCode | (string & {});
  /** More, by code: `fields`, `cause`, `run_id`, `retryable` … */
  readonly details: Readonly<Record<string, unknown>>;
  /** The request's id, which is in the server's log too. */
  readonly requestId: string | undefined;
  /** Milliseconds after which it is worth trying again, where the server says so. */
  readonly retryAfter: number | undefined;
  /** Whether trying the same request again can help. */
  readonly retryable: boolean;

  constructor(status: number, body: unknown, headers: Headers = new Headers()) {
    const said = isObject(body) ? body : {};
    const code = text(said["code"]);
    super(text(said["message"]) ?? text(said["error"]) ?? `the server answered ${status}`);
    this.status = status;
    this.code = code ?? `HTTP_${status}`;
    this.details = isObject(said["details"]) ? said["details"] : {};
    this.requestId = text(said["request_id"]) ?? headers.get("X-Request-ID") ?? undefined;
    this.retryAfter = milliseconds(headers.get("Retry-After"));
    this.retryable = isRetryable(status, this.details, headers.get("x-should-retry"));
  }
}

/** There is no whole answer: the server was not reached, or the connection broke or was silent for too long. */
export class ConnectionError extends AgentOSError {
  override name = "ConnectionError";
}

function isRetryable(status: number, details: Readonly<Record<string, unknown>>, asked: string | null): boolean {
  if (asked === "false") return false;
  // The error is how a run ended. The same request, with its key, would only be answered with the same run.
  if (details["run_id"] !== undefined) return false;
  return asked === "true" || [429, 502, 503, 504].includes(status);
}

function milliseconds(value: string | null): number | undefined {
  if (!value) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value ? value : undefined;
}
