// The client: one server, one credential.
import { Runs } from "./runs.js";
import {
  fill,
  Transport,
  type Answer,
  type ClientOptions,
  type Query,
  type RequestOptions,
  type Sending,
} from "./transport.js";
import type { DataOf, InputOf, Method, Operation, PathWith, QueryOf } from "./types.js";
import { Watchdog } from "./waiting.js";

type Options = Omit<RequestOptions, "query" | "body">;

interface Page {
  next_cursor?: string;
}

export class AgentOS {
  readonly runs: Runs;
  readonly #transport: Transport;

  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(options);
    this.runs = new Runs(this.#transport);
  }

  /**
   * Send a request and return the JSON of the answer. What is safe to repeat is tried again.
   *
   * A path of `openapi.yaml`, with `params` for its `{…}`, types all that it takes and returns. With any other path, give
   * the type of the answer: `request<Session>("GET", `/api/v1/sessions/${id}`)`.
   *
   * @throws APIError, ConnectionError
   */
  request<M extends Method, P extends PathWith<M>>(
    method: M,
    path: P,
    options?: Options & InputOf<Operation<M, P>>,
  ): Promise<Answer<DataOf<Operation<M, P>>>>;
  request<T>(
    method: string,
    path: string,
    options?: RequestOptions & { params?: Record<string, unknown> | undefined },
  ): Promise<Answer<T>>;
  async request(
    method: string,
    path: string,
    options: RequestOptions & { params?: Record<string, unknown> | undefined } = {},
  ): Promise<Answer<unknown>> {
    return this.#transport.request(method, fill(path, options.params), options);
  }

  /** Yield the pages of a list, each as the server answers it, as long as there is a `next_cursor`. */
  list<P extends PathWith<"GET">>(
    path: P,
    query?: QueryOf<Operation<"GET", P>>,
    options?: Options,
  ): AsyncGenerator<DataOf<Operation<"GET", P>>, void, undefined>;
  list<T extends Page>(path: string, query?: Query, options?: Options): AsyncGenerator<T, void, undefined>;
  async *list(path: string, query: Query = {}, options: Options = {}): AsyncGenerator<Page, void, undefined> {
    let cursor: string | undefined;
    do {
      const asked = cursor === undefined ? query : { ...query, cursor };
      const { data } = await this.#transport.request<Page>("GET", path, { ...options, query: asked });
      cursor = data.next_cursor;
      yield data;
    } while (cursor !== undefined);
  }

  /** Send a request once and return the answer with its body unread: an attachment, the metrics. Throws as `request` does. */
  async open(method: string, path: string, options: Sending = {}): Promise<Response> {
    return this.#transport.open(this.#transport.prepare(method, path, options), new Watchdog(Infinity, options.signal));
  }
}
