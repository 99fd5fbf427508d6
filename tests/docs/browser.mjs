// As much of a browser as the page of the resume how-to needs. Each connection is lost after ten events, twice.
//     node browser.mjs SERVER PAGE

const [server, page] = process.argv.slice(2);
const kept = {};
let connections = 0;

globalThis.sessionStorage = kept;
globalThis.document = { body: { textContent: "" } };
const load = globalThis.fetch;
globalThis.fetch = (address, options) => load(new URL(address, server), options);

globalThis.EventSource = class {
  static CLOSED = 2;
  #listeners = {};
  #address;
  readyState = 0;

  constructor(address) {
    this.#address = new URL(address, server);
    this.#connect("");
  }

  addEventListener(type, listener) {
    this.#listeners[type] = listener;
  }

  close() {
    this.readyState = EventSource.CLOSED;
  }

  async #connect(last) {
    connections += 1;
    const most = connections < 3 ? 10 : Infinity;
    const answer = await load(this.#address, { headers: last ? { "Last-Event-ID": last } : {} });
    if (answer.status !== 200) {
      this.close();
      this.#listeners.error({});
      return;
    }
    let text = "", seen = 0;
    const decoder = new TextDecoder();
    reading: for await (const piece of answer.body) {
      const frames = (text + decoder.decode(piece, { stream: true })).split("\n\n");
      text = frames.pop();
      for (const frame of frames) {
        const fields = Object.fromEntries(frame.split("\n").map((line) => line.split(/: (.*)/s)));
        if (!fields.data) continue;
        last = fields.id;
        this.#listeners[fields.event]?.({ data: fields.data, lastEventId: last });
        if (this.readyState === EventSource.CLOSED || ++seen === most) break reading;
      }
    }
    if (this.readyState === EventSource.CLOSED) return;
    this.#listeners.error({});
    setTimeout(() => this.#connect(last), 100);
  }
};

await import(page);
while (kept.run) await new Promise((resolve) => setTimeout(resolve, 50));
process.stdout.write(JSON.stringify({ text: document.body.textContent, connections, kept: kept.run }));
