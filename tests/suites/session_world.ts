/**
 * A server without sockets, its clients, and a network between them that the test cuts: everything but the runtime's sockets is real.
 */
import {
  type Client,
  type ClientState,
  connect,
  type ConnectOptions,
  type HasContract,
  type WebSocketLike,
} from "../../client/whole.ts";
import { MemoryBroker } from "../../brokers/memory.ts";
import type { Declared } from "../../rpc/define.ts";
import { Node, type NodeOptions } from "../../rpc/node.ts";
import type { OutgoingCall } from "../../rpc/outgoing_call.ts";
import type { ServerConnection } from "../../rpc/server_connection.ts";
import { type AnyCall, TestClock } from "./fake_client.ts";
import { anything, procedure } from "./pair.ts";
import { type Deferred, deferred } from "./sources.ts";
import { messagesOf } from "./wire.ts";

type Handler = ((event: never) => unknown) | null;
type Way = "up" | "down";

/** One socket: the client's end, and the server's connection at the other. */
export class JoinedSocket implements WebSocketLike {
  binaryType = "blob";
  readonly bufferedAmount = 0;
  readyState = 0;
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  /** Frames that arrived. */
  readonly arrived: Record<Way, Uint8Array[]> = { up: [], down: [] };
  /** How the server closed it. */
  closedByServer: number | undefined;
  /** How the client closed it. */
  closedByClient: number | undefined;
  /** Set: frames of this way vanish, and nobody is told. */
  readonly deaf: Record<Way, boolean> = { up: false, down: false };
  /** Set: it is cut when so many frames have arrived. */
  cutAfter = Infinity;
  readonly #world: World;
  #connection: ServerConnection | undefined;
  #serverClosed = false;

  constructor(world: World) {
    this.#world = world;
    world.clock.immediate(() => this.open());
  }

  /** The handshake succeeds, where the network is there. */
  open(): void {
    if (this.readyState !== 0 || this.#world.hangs) return;
    if (!this.#world.online) return this.cut();
    this.readyState = 1;
    const { node } = this.#world;
    this.#connection = node.open({
      send: (frame) => this.#carry("down", frame),
      buffered: 0,
      requestDrain: () => {},
      close: (code, reason) => this.#closeByServer(code, reason),
    }, {
      id: String(this.#world.sockets.length),
      request: { url: "ws://mill.test/", method: "GET", headers: new Headers(), address: "192.0.2.1" },
      token: undefined,
    });
    this.onopen?.({} as never);
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.readyState === 1) this.#carry("up", frame);
  }

  close(code = 1000): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.closedByClient = code;
    this.#world.clock.immediate(() => {
      if (!this.deaf.up) this.endServer(code);
      this.endClient(code);
    });
  }

  /** It breaks, and both ends hear of it. */
  cut(): void {
    this.endServer(1006);
    this.endClient(1006);
  }

  /** The server hears that it has closed. */
  endServer(code: number): void {
    if (this.#serverClosed || this.#connection === undefined) return;
    this.#serverClosed = true;
    this.#world.node.closed(this.#connection, code, "");
  }

  /** The client hears that it has closed. */
  endClient(code: number): void {
    if (this.readyState === 3) return;
    const wasOpen = this.readyState > 0;
    this.readyState = 3;
    if (!wasOpen || code === 1006) this.onerror?.({} as never);
    this.onclose?.({ code, reason: "" } as never);
  }

  /** Messages that have arrived at the client. */
  get messages(): unknown[][] {
    return this.arrived.down.flatMap(messagesOf);
  }

  /** Gives the server a frame as if it had been under way for long. */
  inject(way: Way, frame: Uint8Array): void {
    if (way === "up") this.#connection!.receive(frame.slice());
    else this.onmessage?.({ data: frame.slice().buffer } as never);
  }

  #closeByServer(code: number, _reason: string): void {
    if (this.closedByServer !== undefined) return;
    this.closedByServer = code;
    this.#world.clock.immediate(() => {
      if (!this.deaf.down) this.endClient(code);
      this.endServer(code);
    });
  }

  #carry(way: Way, frame: Uint8Array): void {
    const copy = Uint8Array.from(frame);
    this.#world.clock.immediate(() => {
      if (this.deaf[way]) return;
      if (way === "up" ? this.#serverClosed : this.readyState >= 2) return;
      if (this.arrived.up.length + this.arrived.down.length >= this.cutAfter) return this.cut();
      this.arrived[way].push(copy.slice());
      if (way === "up") this.#connection!.receive(copy);
      else this.onmessage?.({ data: copy.buffer } as never);
    });
  }
}

/** What happened to connections, as the program's hooks saw it. */
export type Hook = readonly ["connect", string, boolean] | readonly ["disconnect", string, number];

/** Options of a {@linkcode World}. */
export interface WorldOptions extends Omit<NodeOptions, "procedures"> {
  /** What clients may call. */
  readonly procedures: Record<string, unknown>;
}

/** One server, some clients, and what is between them. */
export class World {
  readonly clock = new TestClock();
  readonly node: Node;
  readonly broker: MemoryBroker = new MemoryBroker({ clock: this.clock });
  readonly sockets: JoinedSocket[] = [];
  readonly hooks: Hook[] = [];
  readonly errors: unknown[] = [];
  /** Whether connections can be made. */
  online = true;
  /** Set: new sockets get no answer at all, as over a network that is gone. */
  hangs = false;
  /** Set: each new socket is cut when so many frames have arrived. */
  cutAfter: () => number = () => Infinity;
  #ids = 0;

  constructor({ procedures, ...options }: WorldOptions) {
    const declared = { client: new Map(), channels: {} } as unknown as Declared;
    this.node = new Node(declared, {
      onConnect: ({ id, resumed }: { id: string; resumed: boolean }) =>
        void this.hooks.push(["connect", id, resumed]),
      onDisconnect: ({ id }: { id: string }, { code }: { code: number }) =>
        void this.hooks.push(["disconnect", id, code]),
      onError: (error: unknown) => void this.errors.push(error),
      ...options,
      procedures: procedures as never,
    } as NodeOptions, {
      clock: this.clock,
      date: () => this.clock.now(),
      newSession: () => {
        const id = new Uint8Array(16);
        new DataView(id.buffer).setUint32(0, ++this.#ids);
        return id;
      },
      broker: this.broker,
      authenticationFailed: () => {},
    });
  }

  /** The newest socket. */
  get socket(): JoinedSocket {
    return this.sockets.at(-1)!;
  }

  /** Connects a client. */
  client(options: ConnectOptions<HasContract> = {}): WorldClient {
    return new WorldClient(this, options);
  }

  /** Lets everything happen that happens now. */
  settle(): Promise<void> {
    return this.clock.settle();
  }

  /** What the server counts. */
  get stats(): Record<string, number> {
    const { calls, streams, heldBytes, sessions } = this.node.stats();
    return { calls, streams, heldBytes, sessions };
  }
}

/** A world in which `wait` writes down what it was given, and answers when the gate is opened; `more` is what else may be called. */
export function gatedWorld(
  more: (ran: unknown[]) => Record<string, unknown>,
  options: Partial<WorldOptions> = {},
): { readonly world: World; readonly gate: Deferred<unknown>; readonly ran: unknown[] } {
  const gate = deferred<unknown>();
  const ran: unknown[] = [];
  const wait = procedure({ input: anything }, (input) => {
    ran.push(input);
    return gate.promise;
  });
  return { world: new World({ procedures: { wait, ...more(ran) }, ...options }), gate, ran };
}

/** A client of a {@linkcode World}. */
export class WorldClient {
  readonly client: Client<HasContract>;
  readonly call: AnyCall;
  readonly states: ClientState[] = [];
  readonly errors: unknown[] = [];
  /** Tells the client of sleep and network changes. */
  wake: { woke(): void; online(): void } = { woke: () => {}, online: () => {} };
  /** Whether it still listens for them. */
  listens = true;
  readonly #world: World;

  constructor(world: World, options: ConnectOptions<HasContract>) {
    this.#world = world;
    this.client = connect<HasContract>("ws://mill.test/", {
      clock: world.clock,
      webSocket: () => {
        const socket = new JoinedSocket(world);
        socket.cutAfter = world.cutAfter();
        world.sockets.push(socket);
        return socket;
      },
      wake: (events) => {
        this.wake = events;
        return () => void (this.listens = false);
      },
      onError: (error) => void this.errors.push(error),
      ...options,
    });
    this.client.on("state", (state) => void this.states.push(state));
    this.call = this.client.call as unknown as AnyCall;
  }

  get status(): string {
    return this.client.state.status;
  }

  /** Closes for good. */
  async close(): Promise<void> {
    const closed = this.client.close();
    await this.#world.settle();
    await closed;
  }

  /** Waits out the backoff; the client has tried again then. */
  async retry(): Promise<void> {
    await this.#world.clock.advance(this.client.state.retryIn ?? 0);
  }
}

/** How a call ends: its value, or code and whether it may have run. */
export async function ending(call: OutgoingCall): Promise<unknown> {
  const result = await call.result();
  if (result.ok) return result.value;
  return result.error.ambiguous ? `${result.error.code} ambiguous` : result.error.code;
}
