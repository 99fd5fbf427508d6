// Each event once and in order, whichever connection brings it.
import { ConnectionError } from "./errors.js";
import type { RunEvent } from "./types.js";

export class Order {
  /** The number of the last event. */
  last: number;
  /** The type of the last event. */
  type: string | undefined;
  readonly #filtered: boolean;
  #gapAfter: number | undefined;

  /** `filtered`: only some types are sent, so that numbers are missing. */
  constructor(after: number, filtered: boolean) {
    this.last = after;
    this.#filtered = filtered;
  }

  /** Return whether an event is new. Throws `ConnectionError` if one before it is missing: connecting again brings it. */
  accept(event: RunEvent): boolean {
    const { id, type } = event;
    // The end of a run counts with any number. A worker that was lost may have shown more events than it saved, and the
    // end comes after the last one that is saved.
    if (id <= this.last && !isEnd(event)) return false;
    if (id > this.last + 1 && !this.#filtered && this.#gapAfter !== this.last) {
      this.#gapAfter = this.last; // If the server says the same again, the event is nowhere.
      throw new ConnectionError(`event ${this.last + 1} is missing before event ${id}`);
    }
    this.last = Math.max(id, this.last);
    this.type = type;
    return true;
  }
}

/** Return whether an event is the last one of its run. */
export function isEnd(event: RunEvent): boolean {
  return event.type === "complete" || event.type === "error";
}
