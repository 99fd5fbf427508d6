// Where the server is, and what tests share.
export const url = process.env.AGENTOS_CONFORMANCE_URL;
export const key = process.env.AGENTOS_CONFORMANCE_KEY;
export const otherKey = process.env.AGENTOS_CONFORMANCE_OTHER_KEY;
export const readingKey = process.env.AGENTOS_CONFORMANCE_READING_KEY;
export const baseURL = `${url}/v1`;

// A red square of 1 x 1 pixel, 69 bytes.
export const IMAGE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
export const IMAGE_SEEN = `I see image image/png of ${Buffer.from(IMAGE, "base64").length} bytes`;

export const user = (content) => ({ role: "user", content });
export const assistant = (content) => ({ role: "assistant", content });

// Asks our own API.
export async function ask(path, { method = "GET", headers = {}, as = key, body } = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${as}`, "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return response.json();
}

// Resolves to the run's last state, or throws when it has not ended within ten seconds.
export async function endOfRun(runId) {
  for (const until = Date.now() + 10_000; Date.now() < until; await new Promise((next) => setTimeout(next, 50))) {
    const run = await ask(`/api/v1/runs/${runId}`);
    if (["completed", "failed", "cancelled"].includes(run.status)) return run;
  }
  throw new Error(`run ${runId} has not ended`);
}

// A fetch that counts its requests and may lose their responses: the nth call gets `lose(n)` true.
export function counting(lose = () => false) {
  const counted = async (...request) => {
    const number = counted.calls++;
    const response = await fetch(...request);
    if (!lose(number)) return response;
    await response.arrayBuffer();
    throw new TypeError("the connection was lost");
  };
  counted.calls = 0;
  return counted;
}

export async function all(iterable) {
  const found = [];
  for await (const one of iterable) found.push(one);
  return found;
}
