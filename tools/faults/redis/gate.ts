// What stands between a node and its Redis: a TCP proxy whose target may change, that can hold everything back for a while, cut, and lose pushes.
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../../soak/random.ts";
import { replyEnd } from "./replies.ts";

/** What a lost push looks like, in both versions of the protocol: `*3` or `>3`, and its first word. */
const PUSH = /^[*>]\d+\r\n\$\d+\r\ns?message\r\n/;

/** The way of one node to Redis. */
export class Gate {
  /** Pushes that were lost. */
  lost = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Connections that wait while everything is held. */
  #waiting: Socket[] | undefined;
  #target: number;
  #loss: { readonly of: number; readonly random: Random } | undefined;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
  }

  /** A gate to this port of 127.0.0.1. */
  static open(target: number): Promise<Gate> {
    const server = createServer({ noDelay: true });
    const gate = new Gate(server, target);
    server.on("connection", (near) => gate.#accept(near));
    return new Promise((resolve, reject) => {
      server.on("error", reject).listen(0, "127.0.0.1", () => resolve(gate));
    });
  }

  /** Where the node connects. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on new connections lead there; those that are open are cut. */
  lead(target: number): void {
    this.turn(target);
    this.cut();
  }

  /** From now on new connections lead there; those that are open stay, as after a fail-over that closes none. */
  turn(target: number): void {
    this.#target = target;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** A black hole: nothing passes, nobody is told, as with packets that are lost. They come again at {@linkcode goOn}, as TCP sends them again. */
  hold(): void {
    this.#waiting ??= [];
    for (const socket of [...this.#pairs].flat()) socket.pause();
  }

  /** Everything passes again. */
  goOn(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const socket of [...this.#pairs].flat()) socket.resume();
    for (const near of waiting) if (!near.destroyed) this.#join(near);
  }

  /** One of so many pushes is lost, or none. */
  lose(loss: { readonly of: number; readonly random: Random } | undefined): void {
    this.#loss = loss;
  }

  /** Ends everything. */
  close(): void {
    this.#server.close();
    for (const near of this.#waiting ?? []) near.destroy();
    for (const socket of [...this.#pairs].flat()) socket.destroy();
  }

  #accept(near: Socket): void {
    near.on("error", () => near.destroy());
    if (!this.#server.listening) return void near.destroy(); // it came before the end, and was told of after it
    if (this.#waiting === undefined) this.#join(near);
    else this.#waiting.push(near);
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#target, host: "127.0.0.1", noDelay: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    near.on("data", (chunk) => void far.write(chunk as Uint8Array));
    let rest: Buffer | undefined;
    far.on("data", (chunk) => {
      if (this.#loss === undefined && rest === undefined) return void near.write(chunk as Uint8Array);
      rest = this.#sieve(near, rest === undefined ? chunk as Buffer : Buffer.concat([rest, chunk as Buffer]));
    });
  }

  /**
   * Passes on whole replies without some of the pushes, and gives what is incomplete. What comes first after `lose` may be the rest of a reply: whoever loses pushes
   * cuts the connections before.
   */
  #sieve(near: Socket, bytes: Buffer): Buffer | undefined {
    let at = 0;
    for (let end = replyEnd(bytes, at); end >= 0; end = replyEnd(bytes, at)) {
      const isLost = PUSH.test(bytes.toString("latin1", at, at + 40)) && this.#loss !== undefined &&
        this.#loss.random.below(this.#loss.of) === 0;
      if (isLost) this.lost++;
      else near.write(bytes.subarray(at, end));
      at = end;
    }
    return at < bytes.length ? bytes.subarray(at) : undefined;
  }
}
