/**
 * What stands between a client and a server and can lose answers: a command has run then, and who sent it does not know.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** A proxy on a free port of 127.0.0.1. */
export class DeafProxy {
  /** Whether what the server says is lost. What it is told arrives. */
  isDeaf = false;
  #isShut = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => {
      if (this.#isShut) return void client.destroy();
      const server = connect(port, "127.0.0.1");
      for (const [socket, other] of [[client, server], [server, client]] as const) {
        this.#sockets.add(socket);
        socket.on("data", (data) => {
          if (other.writable && !(this.isDeaf && socket === server)) other.write(data);
        });
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  /** Stands before a port. */
  static async open(port: number): Promise<DeafProxy> {
    const proxy = new DeafProxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** Its port. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Cuts all connections that there are, and takes none. */
  shut(): void {
    this.heal();
    this.#isShut = true;
  }

  /** Cuts all connections that there are, and loses nothing from now on. */
  heal(): void {
    this.isDeaf = this.#isShut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends it. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.heal();
    await closed;
  }
}
