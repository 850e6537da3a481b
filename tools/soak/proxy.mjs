// A TCP proxy that cuts connections: as networks do it, which no WebSocket can do to itself on every runtime.
import { connect, createServer } from "node:net";

/**
 * Listens on a free port of 127.0.0.1 and joins what connects to `target`.
 *
 * @param {number} target  a port of 127.0.0.1
 * @returns {Promise<{ port: number, cut(which: number): void, close(): void }>}  `cut` resets one connection at both
 *   ends: neither hears a close frame
 */
export async function cuttingProxy(target) {
  /** @type {Set<import("node:net").Socket[]>} */
  const pairs = new Set();
  const server = createServer({ noDelay: true }, (near) => {
    const pair = [near, connect({ port: target, host: "127.0.0.1", noDelay: true })];
    const [, far] = pair;
    pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => {}).on("close", () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    cut: (which) => {
      for (const socket of [...pairs][which % pairs.size] ?? []) socket.resetAndDestroy();
    },
    close: () => {
      server.close();
      for (const socket of [...pairs].flat()) socket.destroy();
    },
  };
}
