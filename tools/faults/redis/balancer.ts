// What stands between clients and the nodes: each new connection goes to a node that lives, in turn. No session sticks to its node.
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../../soak/random.ts";

/** One connection, and where it leads. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  readonly target: number;
}

/** Leads connections to nodes, by their ports. */
export class Balancer {
  /** Where new connections lead, in turn. Whoever is not there is passed over. */
  targets: readonly number[] = [];
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #turn = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Leads nowhere yet. */
  static open(): Promise<Balancer> {
    const server = createServer({ noDelay: true });
    const balancer = new Balancer(server);
    server.on("connection", (near) => balancer.#accept(near));
    return new Promise((resolve, reject) => {
      server.on("error", reject).listen(0, "127.0.0.1", () => resolve(balancer));
    });
  }

  /** Where clients connect. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** How many connections lead to a node. */
  count(target: number): number {
    return [...this.#pairs].filter((pair) => pair.target === target).length;
  }

  /** Cuts one connection: its client comes back to the next node. */
  move(random: Random): void {
    const pairs = [...this.#pairs];
    if (pairs.length === 0) return;
    const { near, far } = random.pick(pairs);
    near.resetAndDestroy();
    far.resetAndDestroy();
  }

  /** Ends everything. */
  close(): void {
    this.#server.close();
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  #accept(near: Socket): void {
    near.on("error", () => near.destroy());
    near.pause();
    this.#join(near, this.#turn++, this.targets.length);
  }

  #join(near: Socket, turn: number, left: number): void {
    if (left === 0) return void near.resetAndDestroy();
    const target = this.targets[turn % this.targets.length]!;
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true });
    const refused = () => this.#join(near, turn + 1, left - 1);
    far.once("error", refused);
    far.once("connect", () => {
      far.off("error", refused);
      const pair = { near, far, target };
      this.#pairs.add(pair);
      const end = () => {
        this.#pairs.delete(pair);
        near.destroy();
        far.destroy();
      };
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
      near.pipe(far);
      far.pipe(near);
      if (near.destroyed) end();
    });
  }
}
