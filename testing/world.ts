/**
 * A world in one process: a server node, clients on machines of their own, a network between them, and time that stands still until it is run.
 *
 * @module
 */
import type { Client } from "../client/client.ts";
import type { ConnectOptions } from "../client/connect_options.ts";
import { connect } from "../client/whole.ts";
import { decode } from "../msgpack/decoder.ts";
import type { Clock } from "../rpc/clock.ts";
import type { HasContract } from "../rpc/contract.ts";
import type { Node, NodeSurroundings } from "../rpc/node.ts";
import { MemoryBroker } from "../brokers/memory.ts";
import { FaultyBroker } from "./broker.ts";
import { BrokerConnection, type BrokerDelays } from "./broker_connection.ts";
import { VirtualClock } from "./clock.ts";
import type { Conditions } from "./lane.ts";
import type { Direction, LinkWatch } from "./link.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { Random } from "./random.ts";
import { Recorder } from "./recorder.ts";

/**
 * A server, clients on machines of their own, a network between them, and time that stands still until a test runs it.
 */
export interface World<App extends HasContract> extends AsyncDisposable {
  /** The clock of the server: for handlers that wait. */
  readonly serverClock: Clock;
  /** Chance from the seed. */
  readonly random: Random;
  /** Writes what happens, with the time at which it does: for `check`. */
  readonly recorder: Recorder;
  /** Milliseconds since the beginning. */
  now(): number;
  /** A new client, on a machine of its own. The name is for traces. */
  connect(options?: ConnectOptions<App>, name?: string): Client<App>;

  /**
   * Cuts the connection of a client: what is on its way is lost. Each side is told after so many milliseconds, by default at once, or, with `Infinity`,
   * never: it has to find out.
   */
  cut(client: Client<App>, told?: { readonly client?: number; readonly server?: number }): void;
  /** From now on nothing arrives in this direction of its connection, and nobody is told: half a connection. */
  silence(client: Client<App>, direction: Direction): void;
  /** Holds back what a client sends (`up`), or is sent (`down`), for `ms`; then it arrives, in order. */
  stall(client: Client<App>, direction: Direction, ms: number): void;
  /** Closes the lid: nothing happens on the machine of the client. */
  sleep(client: Client<App>): void;
  /** Opens it again. */
  wake(client: Client<App>): void;
  /** The client vanishes without a word, and for good. */
  kill(client: Client<App>): void;
  /** The server takes no connections for `ms`. */
  refuse(ms: number): void;

  /**
   * Trims the history of a channel: only the last `kept` publications are left. Who comes back from further below gets a `reset`.
   *
   * @param channel Its name, as `board/7`.
   */
  trim(channel: string, kept: number): void;
  /** The broker loses the stream of a channel, as one that restarts without its disk: the next publication begins another, and subscribers get a `reset`. */
  loseStream(channel: string): void;
  /**
   * A replica takes over that lacks the last `missing` publications of a channel, acknowledged ones too: subscribers that had got them get a `reset`, others
   * go on.
   */
  failOver(channel: string, missing: number): void;

  /** Lets `ms` milliseconds pass. As `wait`, one at once. */
  run(ms: number): Promise<void>;
  /**
   * Lets time pass until a promise has settled, and gives what it gives. One at once: for several promises, `world.wait(Promise.all([…]))`.
   *
   * @param ms Milliseconds that may pass, 60,000 by default.
   * @throws {Error} If they have and it still waits, another `wait` or `run` goes on, or the world is over meanwhile.
   */
  wait<T>(promise: PromiseLike<T>, ms?: number): Promise<T>;
  /** Ends the `wait` or `run` that goes on, closes the clients, and leaves the app. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a world is made of. */
export interface WorldOptions {
  /** Decides everything that is left to chance. */
  readonly seed: number;
  /** Makes the server. */
  readonly makeNode: (surroundings: NodeSurroundings) => Node;
  /** What the way of a new connection is like. */
  readonly conditions?: (client: string, random: Random) => Conditions;
  /** Looks on. */
  readonly watch?: LinkWatch;
  /** How far away the broker is. @default at hand */
  readonly delays?: BrokerDelays;
  /** Called at the end. */
  readonly over?: () => void;
}

/** A broker in the same process. */
const AT_HAND: BrokerDelays = { answer: 0, push: 0 };
/** The moment at which every world begins, in milliseconds since 1970. */
const BEGINNING = 1_800_000_000_000;
/** Milliseconds in which the server notices that everybody has left. */
const CLOSING = 10_000;
/** The host name of the server. */
export const HOST = "server.test";

/** A world, with everything that it is made of. */
export class SimulatedWorld<App extends HasContract> implements World<App> {
  /** Time. */
  readonly clock: VirtualClock;
  /** Chance; take forks of it. */
  readonly random: Random;
  /** The network. */
  readonly network: Network;
  /** What happens. */
  readonly recorder: Recorder;
  /** The machine of the server. */
  readonly machine: Machine;
  /** The server. */
  readonly node: Node;
  /** Where channels live. */
  readonly broker: FaultyBroker;
  /** How the server reaches it. */
  readonly brokerConnection: BrokerConnection;
  readonly #over: () => void;
  readonly #machines = new Map<Client<App>, Machine>();
  #clients = 0;
  /** The `wait` or `run` that goes on. */
  #running: Promise<unknown> | undefined;
  /** Whether it ends now, since the world does. */
  #isLeft = false;

  /** A server that nobody has connected to. */
  constructor({ seed, makeNode, conditions, watch, delays, over = () => {} }: WorldOptions) {
    this.#over = over;
    const random = this.random = new Random(seed);
    const clock = this.clock = new VirtualClock(random.fork("clock"));
    this.recorder = new Recorder(clock);
    clock.onError = (error) => this.recorder.add({ is: "escaped", error: describe(error) });
    this.network = new Network({
      clock,
      random: random.fork("network"),
      ...(conditions === undefined ? {} : { conditions }),
      ...(watch === undefined ? {} : { watch }),
    });
    const machine = this.machine = new Machine("server", clock, random.fork("server"));
    const secrets = random.fork("sessions");
    const date = (): number => BEGINNING + Math.floor(clock.now());
    const broker = this.broker = makeBroker({
      clock,
      date,
      random: random.fork("broker"),
      recorder: this.recorder,
    });
    this.brokerConnection = new BrokerConnection(broker, {
      clock,
      random: random.fork("broker connection"),
      machine,
      delays: delays ?? AT_HAND,
      recorder: this.recorder,
    });
    const node = this.node = makeNode({
      clock: machine,
      date,
      newSession: () => secrets.bytes(16),
      broker: this.brokerConnection,
      authenticationFailed: () => {},
    });
    this.network.listen(HOST, {
      machine,
      queue: node.parts.limits.queue,
      accept: (transport, handshake) => {
        const connection = node.open(transport, handshake);
        return {
          receive: (frame) => connection.receive(frame),
          drained: () => connection.drained(),
          closed: (code, reason) => node.closed(connection, code, reason),
        };
      },
    });
  }

  get serverClock(): Clock {
    return this.machine;
  }

  now(): number {
    return this.clock.now();
  }

  connect(options: ConnectOptions<App> = {}, name = `client${this.#clients + 1}`): Client<App> {
    this.#clients++;
    const machine = new Machine(name, this.clock, this.random.fork(name));
    const secrets = this.random.fork(`${name}'s secrets`);
    const client = connect<App>(`ws://${HOST}/`, {
      onError: (error) => this.recorder.add({ is: "escaped", error: `${name}: ${describe(error)}` }),
      ...options,
      clock: machine,
      randomBytes: (length) => secrets.bytes(length),
      webSocket: this.network.webSocket(machine),
    });
    this.#machines.set(client, machine);
    return client;
  }

  /**
   * The machine of a client.
   *
   * @throws {TypeError} If the client is of another world.
   */
  machineOf(client: Client<App>): Machine {
    const machine = this.#machines.get(client);
    if (machine === undefined) throw new TypeError("Cannot find the client: it is not of this world");
    return machine;
  }

  // What goes wrong.

  cut(client: Client<App>, told?: { readonly client?: number; readonly server?: number }): void {
    this.network.linkOf(this.machineOf(client))?.cut(told);
  }

  silence(client: Client<App>, direction: Direction): void {
    this.network.linkOf(this.machineOf(client))?.silence(direction);
  }

  stall(client: Client<App>, direction: Direction, ms: number): void {
    this.network.linkOf(this.machineOf(client))?.[direction].stall(ms);
  }

  sleep(client: Client<App>): void {
    this.machineOf(client).sleep();
  }

  wake(client: Client<App>): void {
    this.machineOf(client).wake();
  }

  kill(client: Client<App>): void {
    const machine = this.machineOf(client);
    machine.kill();
    for (const link of this.network.linksOf(machine)) link.cut({ client: Infinity });
  }

  refuse(ms: number): void {
    this.network.refuse(ms);
  }

  trim(channel: string, kept: number): void {
    this.broker.trim(channel, kept);
  }

  loseStream(channel: string): void {
    this.broker.lose(channel);
    this.brokerConnection.tellUncertain();
  }

  failOver(channel: string, missing: number): void {
    this.broker.failOver(channel, missing);
    this.brokerConnection.tellUncertain();
  }

  run(ms: number): Promise<void> {
    return this.#alone(() => this.clock.runUntil(() => this.#isLeft, ms));
  }

  wait<T>(promise: PromiseLike<T>, ms = 60_000): Promise<T> {
    const state: { settled?: () => T } = {};
    promise.then(
      (value) => void (state.settled = () => value),
      (error) =>
        void (state.settled = () => {
          throw error;
        }),
    );
    return this.#alone(async () => {
      await this.clock.runUntil(() => state.settled !== undefined || this.#isLeft, ms);
      if (state.settled !== undefined) return state.settled();
      throw new Error(
        `Cannot wait any longer: ${this.#isLeft ? "the world is over" : `${ms} ms have passed`}`,
      );
    });
  }

  /** Time is run by one at once. */
  #alone<T>(run: () => Promise<T>): Promise<T> {
    if (this.#running !== undefined) {
      const rest = "await it first, or give one `wait` a `Promise.all`";
      return Promise.reject(
        new Error(`Cannot wait: another \`wait\` or \`run\` of this world goes on; ${rest}`),
      );
    }
    const over = (): void => void (this.#running = undefined);
    const running = run().finally(over);
    this.#running = running;
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeft = true;
    await this.#running?.catch(() => {}); // the test is over without it, maybe for another reason
    this.#isLeft = false;
    for (const machine of this.#machines.values()) machine.wake();
    const alive = [...this.#machines].filter(([, machine]) => !machine.isDead);
    await this.wait(Promise.all(alive.map(([client]) => client.close())));
    await this.run(CLOSING);
    this.#over();
  }
}

/** A broker in memory that can be harmed. */
function makeBroker({ clock, date, random, recorder }: {
  readonly clock: VirtualClock;
  readonly date: () => number;
  readonly random: Random;
  readonly recorder: Recorder;
}): FaultyBroker {
  const inner = new MemoryBroker({
    clock,
    date,
    random: (bytes) => bytes.set(random.bytes(bytes.length)),
    report: (error) => recorder.add({ is: "escaped", error: `listener: ${describe(error)}` }),
  });
  return new FaultyBroker({ inner, recorder, valueOf, now: () => clock.now() });
}

/** What a publication is called in the log: its `value`, where it has one. */
function valueOf(data: Uint8Array): string {
  const message = data.length === 0 ? undefined : decode(data);
  if (typeof message !== "object" || message === null || !("value" in message)) return String(message);
  return String(message.value);
}

/** An error for the log. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
