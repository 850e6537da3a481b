// What stands before a Redis whose answers to subscriptions come late, one by one as the test lets them.
import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { replyEnd } from "../../tools/faults/redis/replies.ts";
import { Mailbox } from "./mailbox.ts";

/** An answer of Redis that is held back. */
export interface Late {
  readonly text: string;
  pass(): void;
}

/** A proxy to a server on 127.0.0.1. */
export class LateAnswers {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #late = new Mailbox<Late>();
  #holds = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Stands before this server; everything passes. */
  static open(url: string): Promise<LateAnswers> {
    const server = createServer();
    const made = new LateAnswers(server);
    server.on("connection", (near) => made.#join(near, Number(new URL(url).port)));
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(made)));
  }

  /** Where the client connects. */
  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Holds back what comes from now on, on every connection from the first answer to a subscription on. */
  hold(): void {
    this.#holds = true;
  }

  /** The next that is held back. */
  next(): Promise<Late> {
    return this.#late.next();
  }

  /** Everything passes, in its order. */
  async goOn(): Promise<void> {
    this.#holds = false;
    while (this.#late.size > 0) (await this.#late.next()).pass();
  }

  /** Ends everything. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, port: number): void {
    const far = connect(port, "127.0.0.1");
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", end).on("close", () => this.#sockets.delete(socket));
    }
    near.on("data", (chunk) => void far.write(chunk as Uint8Array));
    let isLate = false;
    let rest = "";
    far.on("data", (chunk) => {
      rest += (chunk as Buffer).toString("latin1");
      for (let end; (end = replyEnd(Buffer.from(rest, "latin1"), 0)) >= 0; rest = rest.slice(end)) {
        const text = rest.slice(0, end);
        const pass = () => void near.write(text, "latin1");
        isLate = this.#holds && (isLate || /^[*>]3\r\n\$\d+\r\ns?(un)?subscribe\r\n/.test(text));
        if (isLate) this.#late.push({ text, pass });
        else pass();
      }
    });
  }
}
