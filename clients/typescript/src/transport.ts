// One attempt of one request: address, headers, credential, and what an answer means.
import { APIError } from "./errors.js";
import { mayRetry, pause, sleep, Watchdog } from "./waiting.js";

export type Query = Readonly<
  Record<string, string | number | boolean | readonly (string | number)[] | null | undefined>
>;

export interface ClientOptions {
  /** Where the server is, with its path prefix if it has one. In a browser, "" is the page's own origin. */
  baseUrl?: string;
  /** An API key or token, or what returns one for each request. */
  key?: string | (() => string | null | undefined) | null | undefined;
  /** Headers of every request. */
  headers?: Readonly<Record<string, string>>;
  /** A `fetch` to use instead of the global one. */
  fetch?: typeof fetch;
  /** Milliseconds that a request other than a stream may take (60,000). */
  timeout?: number;
  /** How often a request that is safe to repeat is tried again (4). */
  retries?: number;
}

export interface Sending {
  query?: Query | undefined;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Ends the request; it throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface RequestOptions extends Sending {
  /** Milliseconds for one attempt. */
  timeout?: number | undefined;
  /** How often to try again. Only what is safe to repeat is: GET, or a request with an `idempotencyKey`. */
  retries?: number | undefined;
  /** Sent as `Idempotency-Key`: the server does a repeated request once. Operations that start runs take it. */
  idempotencyKey?: string | undefined;
  /** Says that it is safe to send the request twice. */
  repeatable?: boolean | undefined;
}

export interface Answer<T> {
  data: T;
  response: Response;
}

/** A request that is ready to be sent, any number of times. */
interface Prepared {
  what: string;
  url: string;
  init: RequestInit;
}

export class Transport {
  readonly retries: number;
  readonly #base: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = (options.baseUrl ?? "").replace(/\/+$/, "");
    this.retries = options.retries ?? 4;
    try {
      // Found now, or a wrong address would look like a server that is away.
      new URL(this.#base, globalThis.location?.href);
    } catch {
      throw new TypeError(
        `baseUrl ${JSON.stringify(this.#base)}: accepted is an http or https address, in a browser also a path`,
      );
    }
  }

  /** Return a request. Throws `TypeError` for what cannot be sent: that is the caller's mistake, not the connection's. */
  prepare(method: string, path: string, { query = {}, body, headers, idempotencyKey }: RequestOptions): Prepared {
    const { key } = this.#options;
    const credential = typeof key === "function" ? key() : key;
    const all = new Headers({ Accept: "application/json", ...this.#options.headers, ...headers });
    if (credential) all.set("Authorization", `Bearer ${credential}`);
    if (idempotencyKey) all.set("Idempotency-Key", idempotencyKey);
    const init: RequestInit = { method, headers: all, cache: "no-store" };
    if (body !== undefined) {
      all.set("Content-Type", "application/json");
      init.body = JSON.stringify(body);
    }
    return { what: `${method} ${path}`, url: this.#base + path + search(path, query), init };
  }

  /** Send a request once and return the answer, its body unread. Throws `APIError` for any answer but 2xx. */
  async open({ what, url, init }: Prepared, watchdog: Watchdog): Promise<Response> {
    try {
      watchdog.signal.throwIfAborted();
      const response = await (this.#options.fetch ?? globalThis.fetch)(url, { ...init, signal: watchdog.signal });
      if (!response.ok) throw new APIError(response.status, await failure(response), response.headers);
      return response;
    } catch (error) {
      throw watchdog.explain(error, what);
    }
  }

  /** Send a request, again where that is safe and can help, and return the JSON of the answer. */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const { idempotencyKey, signal, retries = this.retries } = options;
    const repeatable = options.repeatable ?? (method === "GET" || idempotencyKey !== undefined);
    for (let failures = 1; ; failures++) {
      const prepared = this.prepare(method, path, options);
      try {
        return await this.#once<T>(prepared, options);
      } catch (error) {
        if (failures > retries || signal?.aborted || !mayRetry(error, repeatable)) throw error;
        await sleep(pause(failures, error), signal);
      }
    }
  }

  async #once<T>(
    prepared: Prepared,
    { timeout = this.#options.timeout ?? 60_000, signal }: RequestOptions,
  ): Promise<Answer<T>> {
    const watchdog = new Watchdog(timeout, signal);
    try {
      const response = await this.open(prepared, watchdog);
      return { data: (await json(response, watchdog, prepared.what)) as T, response };
    } finally {
      watchdog.close();
    }
  }
}

/** Fill `{name}`s of a path. Throws `TypeError` for a value that would make another path. */
export function fill(path: string, params: Readonly<Record<string, unknown>> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => segment(params[name], name));
}

/** Return a value as one segment of a path. Browsers resolve `.` and `..` even where they are escaped. */
export function segment(value: unknown, name = "id"): string {
  const said = String(value ?? "");
  if (!said || said === "." || said === "..")
    throw new TypeError(`${name} ${JSON.stringify(value)}: accepted is an id`);
  return encodeURIComponent(said);
}

function search(path: string, query: Query): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null)
      found.append(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = found.toString();
  return text && (path.includes("?") ? "&" : "?") + text;
}

/** Read an error's body. Of a proxy it is a page; if it breaks off, the status still says enough. */
async function failure(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

async function json(response: Response, watchdog: Watchdog, what: string): Promise<unknown> {
  try {
    const text = await response.text();
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    // A proxy or a portal answers in the server's place, or the answer broke off.
    const type = error instanceof SyntaxError ? ` (${response.headers.get("Content-Type")}) is no JSON` : "";
    throw watchdog.explain(error, `${what}: the answer${type}`);
  }
}
