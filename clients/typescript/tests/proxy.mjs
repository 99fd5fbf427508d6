// A proxy that breaks connections: as load balancers, phones and restarts do.
import { createServer, connect } from "node:net";
import { once } from "node:events";

// `plan` has one entry for each connection, in their order: the bytes of the server's answers after which the connection
// is cut, or is `{silentAfter}` these bytes. After the plan, connections are left alone. With `reset`, a cut is a TCP reset.
// The proxy closes with the test `t`.
export async function proxyTo(t, url, { plan = [], reset = false } = {}) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let isDown = false;
  const proxy = { connections: 0, requests: [], cut: [] };

  const server = createServer((client) => {
    if (isDown) return client.destroy();
    const limit = plan[proxy.connections++];
    const upstream = connect(Number(port), hostname);
    const both = [client, upstream];
    for (const socket of both) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    client.on("data", (data) => {
      proxy.requests.push(...(data.toString("latin1").match(/^(GET|POST|PUT|DELETE) \S+/gm) ?? []));
      upstream.write(data);
    });
    let passed = 0;
    upstream.on("data", (data) => {
      const most = limit?.silentAfter ?? limit ?? Infinity;
      const piece = data.subarray(0, Math.max(0, most - passed));
      passed += data.length;
      if (passed < most) return void client.write(piece);
      if (limit?.silentAfter !== undefined) return void (piece.length && client.write(piece));
      proxy.cut.push(most);
      upstream.pause();
      if (reset) client.write(piece, () => client.resetAndDestroy());
      else client.end(piece, () => client.destroy());
    });
    upstream.on("end", () => client.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });

  return Object.assign(proxy, {
    url: `http://127.0.0.1:${server.address().port}`,
    // Cut all connections, and those that come.
    down() {
      isDown = true;
      for (const socket of open) socket.destroy();
    },
    up() {
      isDown = false;
    },
  });
}
