/**
 * A `socketServer` on a port, with its events in mailboxes.
 */

import { type Socket, type SocketServer, socketServer, type SocketServerOptions } from "../../src/mod.ts";
import { Mailbox } from "./mailbox.ts";
import { type HandshakeOptions, RawSocket } from "./raw.ts";
import { serve, type Served } from "./serve.ts";

/** How a socket closed. */
export interface Closed {
  readonly id: number;
  readonly code: number;
  readonly reason: string;
}

/** A server under test and what happened on it. */
export class TestServer<Data = undefined> {
  readonly app: SocketServer<Data>;
  readonly opened: Mailbox<Socket<Data>> = new Mailbox();
  readonly messages: Mailbox<Uint8Array> = new Mailbox();
  readonly drained: Mailbox<Socket<Data>> = new Mailbox();
  readonly closed: Mailbox<Closed> = new Mailbox();
  readonly errors: Mailbox<unknown> = new Mailbox();
  readonly #clients: RawSocket[] = [];
  #served: Served | undefined;

  private constructor(options: Partial<SocketServerOptions<Data>>) {
    this.app = socketServer<Data>({
      ...options,
      open: (socket) => {
        this.opened.push(socket);
        return options.open?.(socket);
      },
      message: (socket, frame) => {
        this.messages.push(frame);
        return options.message?.(socket, frame);
      },
      drain: (socket) => {
        this.drained.push(socket);
        return options.drain?.(socket);
      },
      close: (socket, code, reason) => {
        this.closed.push({ id: socket.id, code, reason });
        return options.close?.(socket, code, reason);
      },
      error: (error, socket) => {
        this.errors.push(error);
        return options.error?.(error, socket);
      },
    });
  }

  /** Starts a server. */
  static async start<Data = undefined>(
    options: Partial<SocketServerOptions<Data>> = {},
  ): Promise<TestServer<Data>> {
    const server = new TestServer<Data>(options);
    server.#served = await serve(server.app);
    return server;
  }

  /** The port it listens on. */
  get port(): number {
    return this.#served!.port;
  }

  /** Sends a handshake; the answer may be a refusal. */
  async handshake(options?: HandshakeOptions): Promise<RawSocket> {
    const client = await RawSocket.open(this.port, options);
    this.#clients.push(client);
    return client;
  }

  /** A client with its socket on the server. Not for several at once. */
  async connect(options?: HandshakeOptions): Promise<{ client: RawSocket; socket: Socket<Data> }> {
    const client = await this.handshake(options);
    if (client.status !== 101) throw new Error(`the handshake was answered ${client.status}`);
    return { client, socket: await this.opened.next() };
  }

  /** Cuts all clients, stops, and waits for the sockets' ends, so that nothing leaks into the next test. */
  async stop(): Promise<void> {
    for (const client of this.#clients) await client.destroy();
    await this.app.close({ deadline: 1_000 });
    await this.#served?.close();
  }
}
