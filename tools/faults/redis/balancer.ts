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
  readonly #servers: Server[] = [];
  readonly #pairs = new Set<Pair>();
  #turn = 0;

  /** Where one client connects. Each has a port of its own: Node's WebSocket connects to one after the other of those that are at the same one, as browsers do. */
  async port(): Promise<number> {
    const server = createServer({ noDelay: true });
    this.#servers.push(server);
    server.on("connection", (near) => this.#accept(near));
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject).listen(0, "127.0.0.1", () => resolve());
    });
    return (server.address() as { port: number }).port;
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
    for (const server of this.#servers) server.close();
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
