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
  let events: RunEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, data }) => events.push({ ...JSON.parse(data), id: Number(id) }),
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      watchdog.feed();
      const { done, value } = await reader.read();
      watchdog.rest();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      const found = events;
      events = [];
      yield* found;
    }
  } finally {
    // Not awaited: a connection that is stuck must not hold up who leaves it.
    reader.cancel().catch(() => {});
  }
}
