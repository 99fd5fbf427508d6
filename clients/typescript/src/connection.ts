// One connection of an event stream: bytes to events, as long as bytes come.
import { createParser } from "eventsource-parser";

import { AgentOSError, ConnectionError } from "./errors.js";
import type { RunEvent } from "./types.js";
import type { Watchdog } from "./waiting.js";

/** Yield the events of an answer until it ends or breaks. The watchdog counts only while the connection is awaited. */
export async function* eventsOf(response: Response, watchdog: Watchdog): AsyncGenerator<RunEvent, void, undefined> {
  const type = response.headers.get("Content-Type") ?? "";
  // A proxy or a portal answers in the server's place.
  if (!type.startsWith("text/event-stream")) throw new ConnectionError(`the answer (${type}) is no event stream`);
  if (!response.body) throw new AgentOSError("this fetch cannot stream: it gives no body");
  let events: { id: number; data: string }[] = [];
  const parser = createParser({
    onEvent({ id, data }) {
      const number = Number(id); // An event without one is not the run's.
      if (number > 0) events.push({ id: number, data });
    },
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const bytes = await next(reader, watchdog);
      if (bytes === undefined) return;
      parser.feed(decoder.decode(bytes, { stream: true }));
      const found = events;
      events = [];
      for (const { id, data } of found) yield eventOf(id, data);
    }
  } finally {
    // Not awaited: a connection that is stuck must not delay the caller that leaves it.
    reader.cancel().catch(() => {});
  }
}

async function next(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  watchdog: Watchdog,
): Promise<Uint8Array | undefined> {
  watchdog.feed();
  try {
    return (await reader.read()).value;
  } catch (error) {
    throw watchdog.explain(error, "the stream broke");
  } finally {
    watchdog.rest();
  }
}

function eventOf(id: number, data: string): RunEvent {
  try {
    return { ...JSON.parse(data), id };
  } catch (cause) {
    throw new ConnectionError(`event ${id} is no JSON`, { cause });
  }
}
