// A TCP proxy that fails the way networks do. Node: what resets a connection there sends an RST.
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../soak/random.ts";

/** How long a cut may take: a chunk that is to be torn, or an end that hears of it later. */
const LATE = 40;

/** The ways to cut, each as likely. */
const WAYS = ["reset", "end", "torn down", "torn up", "black hole", "near first", "far first"] as const;

/** One connection through the proxy. */
class Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Told of what the server sends instead of the client, until it is set to `undefined`. */
  caught: ((chunk: Uint8Array) => void) | undefined;
  isCut = false;
  #passes = true;
  /** Bytes of the next chunk in this direction that still pass. */
  #tear: { from: Socket; bytes: number } | undefined;

  constructor(near: Socket, far: Socket) {
    this.near = near;
    this.far = far;
    near.on("data", (chunk) => this.#pass(near, far, chunk as Uint8Array));
    far.on("data", (chunk) => this.#pass(far, near, chunk as Uint8Array));
    // Half a close is passed on; whoever ends with an error ends both.
    near.on("end", () => far.end());
    far.on("end", () => near.end());
    for (const socket of [near, far]) socket.on("error", () => this.destroy());
    for (const socket of [near, far]) socket.on("close", () => this.#closed());
  }

  /** Resets both ends now: what is on its way is lost. */
  reset(): void {
    this.isCut = true;
    this.near.resetAndDestroy();
    this.far.resetAndDestroy();
  }

  /** Reads nothing more of what the server sends, or goes on. */
  stall(isStalled: boolean): void {
    if (isStalled) this.far.pause();
    else this.far.resume();
  }

  destroy(): void {
    this.near.destroy();
    this.far.destroy();
  }

  /** Cuts in some way; both ends have gone after 40 ms. */
  cut(random: Random): void {
    if (this.isCut) return;
    this.isCut = true;
    const way = random.pick(WAYS);
    if (way === "reset") return this.reset();
    if (way === "end") return this.destroy();
    if (way === "torn down") this.#tear = { from: this.far, bytes: random.below(64) };
    if (way === "torn up") this.#tear = { from: this.near, bytes: random.below(64) };
    if (way === "black hole") this.#passes = false;
    if (way === "near first") this.near.resetAndDestroy();
    if (way === "far first") this.far.resetAndDestroy();
    setTimeout(() => this.reset(), random.below(LATE));
  }

  #pass(from: Socket, to: Socket, chunk: Uint8Array): void {
    if (from === this.far && this.caught !== undefined) return this.caught(chunk);
    if (!this.#passes) return;
    if (this.#tear?.from === from) {
      to.end(chunk.subarray(0, Math.min(this.#tear.bytes, chunk.length - 1)));
      this.#passes = false;
      return;
    }
    if (to.destroyed || to.write(chunk)) return;
    from.pause();
    to.once("drain", () => from.resume());
  }

  /** In "near first" the server goes on for a while: it does not know. */
  #closed(): void {
    if (!this.isCut) this.destroy();
  }
}

/** What one client connects through. */
export class Lane {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #stalled: Pair | undefined;
  #isRefused = false;
  /** Connections that wait at a lane which is held. */
  #held: Socket[] | undefined;
  #opened: (() => void)[] = [];

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
  }

  /** A lane to this port of 127.0.0.1. */
  static open(target: number): Promise<Lane> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const lane = new Lane(server, target);
    server.on("connection", (near) => lane.#accept(near));
    return new Promise((resolve, reject) => {
      server.on("error", reject).listen(0, "127.0.0.1", () => resolve(lane));
    });
  }

  /** Where a client connects. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** New connections are reset until {@linkcode release}. */
  refuse(): void {
    this.#isRefused = true;
  }

  /** New connections are made, and nothing comes of them until {@linkcode release}. Clients that are refused try again at once: 50 of them fill a core. */
  hold(): void {
    this.#held ??= [];
  }

  /** New connections are made again; those that wait go on. */
  release(): void {
    this.#isRefused = false;
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const near of held) if (!near.destroyed) this.#join(near);
  }

  /** The present connection, if there is one. */
  get pair(): Pair | undefined {
    return [...this.#pairs].findLast(({ isCut }) => !isCut);
  }

  /** The present connection, or the next. */
  async connection(): Promise<Pair> {
    for (let pair = this.pair;; pair = this.pair) {
      if (pair !== undefined) return pair;
      await new Promise<void>((resolve) => this.#opened.push(resolve));
    }
  }

  /** Reads nothing more of what the server sends on the present connection. */
  stall(): void {
    this.#stalled = this.pair;
    this.#stalled?.stall(true);
  }

  /** Reads again what the server has sent on it. */
  goOn(): void {
    this.#stalled?.stall(false);
    this.#stalled = undefined;
  }

  /** Ends everything. */
  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) pair.destroy();
    for (const near of this.#held ?? []) near.destroy();
  }

  #accept(near: Socket): void {
    near.on("error", () => near.destroy());
    if (this.#isRefused) near.resetAndDestroy();
    else if (this.#held !== undefined) this.#held.push(near);
    else this.#join(near);
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#target, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const pair = new Pair(near, far);
    this.#pairs.add(pair);
    far.on("close", () => near.closed && this.#pairs.delete(pair));
    near.on("close", () => far.closed && this.#pairs.delete(pair));
    for (const resolve of this.#opened.splice(0)) resolve();
  }
}
