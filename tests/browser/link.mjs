// A way between browsers and a server that can be cut, as a network can: what passes is gone, and nobody gets through before it is mended.
import { connect, createServer } from "node:net";

/** A way to a port of the loopback. */
export class Link {
  #sockets = new Set();
  #isCut = false;
  #server;

  /** Begins to listen. @param {number} to  the port of the server @returns {Promise<Link>} */
  static async to(to) {
    const link = new Link();
    link.#server = createServer((socket) => link.#pass(socket, to));
    await new Promise((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    return link;
  }

  /** Where it listens. */
  get port() {
    return this.#server.address().port;
  }

  /** Ends all connections, and each new one at once. */
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets connections through again. */
  mend() {
    this.#isCut = false;
  }

  /** Listens no more. */
  close() {
    this.cut();
    this.#server.close();
  }

  #pass(near, to) {
    if (this.#isCut) return near.destroy();
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      this.#sockets.add(one);
      one.setNoDelay(true).on("error", () => {}).on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
