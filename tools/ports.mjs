// Ports of the loopback.
import { connect, createServer } from "node:net";

/** A port that nobody has at this moment. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until something accepts connections there; false when nothing did within `patience` milliseconds. It is tried at least once. */
export async function listens(port, patience = 15_000) {
  for (const end = Date.now() + patience;;) {
    if (await accepts(port)) return true;
    if (Date.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(1_000, () => answer(false)).on("connect", () => answer(true)).on(
      "error",
      () => answer(false),
    );
  });
}
