/**
 * A server without sockets whose channels a test drives: connections in memory that write and read messages by hand, and a clock that stands still.
 */
import { encode } from "../../msgpack/mod.ts";
import { channel, define } from "../../mod.ts";
import type { Broker } from "../../rpc/broker.ts";
import { Kind } from "../../rpc/kinds.ts";
import { type Node, type NodeOptions, type NodeSurroundings } from "../../rpc/node.ts";
import { mounted } from "../../rpc/mount.ts";
import type { ServerConnection } from "../../rpc/server_connection.ts";
import { ManualClock } from "./manual_clock.ts";
import { anything } from "./pair.ts";
import { Pipe } from "./pipe.ts";
import { ScriptedBroker } from "./scripted_broker.ts";
import { frameOf, hello, type Message, messagesOf, payload } from "./wire.ts";

/** Messages and signals of any form, a short history. */
export const open = channel({ message: anything, signal: anything, history: { messages: 100 } });

/** A clock whose chance is never the same: fingerprints differ. */
class ChanceClock extends ManualClock {
  #state = 1;

  override random(): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0;
    return this.#state / 2 ** 32;
  }
}

/** What a {@linkcode ChannelNode} is made of. */
export interface ChannelNodeOptions<B extends Broker> extends Partial<NodeOptions> {
  readonly broker: B;
  readonly clock?: ManualClock;
  readonly surroundings?: Partial<NodeSurroundings>;
}

/** A server and the connections that a test opens to it. */
export class ChannelNode<B extends Broker = ScriptedBroker> {
  readonly clock: ManualClock;
  readonly broker: B;
  readonly node: Node;
  /** What the program was told of. */
  readonly errors: unknown[] = [];
  #ids = 0;

  constructor(
    { broker, clock = new ChanceClock(), surroundings, limits, ...options }: ChannelNodeOptions<B>,
  ) {
    this.broker = broker;
    this.clock = clock;
    const app = define().millrace({
      procedures: {},
      channels: { "board/:id": open },
      limits: { heartbeat: 1_000_000, ...limits },
      onError: (error: unknown) => void this.errors.push(error),
      ...options,
    } as never);
    let sessions = 0;
    this.node = mounted(app).makeNode({
      clock,
      date: () => 1_000_000 + clock.now(),
      newSession: () => new Uint8Array(16).fill(++sessions),
      authenticationFailed: () => {},
      broker,
      ...surroundings,
    });
  }

  /** A connection that was welcomed. */
  async connect(payload: object = {}): Promise<Line> {
    const line = new Line(this, `c${++this.#ids}`);
    line.send(hello(payload));
    await this.clock.settle();
    line.take();
    return line;
  }

  /** Publishes as server code does. */
  async publish(message: unknown, id = "7"): Promise<void> {
    const publish = this.node.channelTools.publish as unknown as (...args: unknown[]) => Promise<unknown>;
    await publish("board/:id", { id }, message);
    await this.clock.settle();
  }

  /** Asserts nothing, but lets everything happen that happens now. */
  settle(): Promise<void> {
    return this.clock.settle();
  }
}

/** What messages say, short: status and offset of SUBSCRIBED, the value of a PUBLICATION, the code of UNSUBSCRIBED, else the message. */
export function told(messages: unknown[][]): unknown[] {
  return messages.map((message) => {
    const [kind, , second, third, fourth, fifth] = message;
    if (kind === Kind.SUBSCRIBED) return { status: third, at: fifth };
    if (kind === Kind.PUBLICATION) return fourth;
    if (kind === Kind.UNSUBSCRIBED) return { ended: second };
    return message;
  });
}

/** One connection. */
export class Line {
  readonly pipe: Pipe;
  readonly connection: ServerConnection;
  readonly #server: ChannelNode<Broker>;
  readonly #received: unknown[][] = [];
  #subs = 0;
  #calls = 0;
  /** Whether the connection has ended, whoever ended it. */
  isOver = false;

  constructor(server: ChannelNode<Broker>, id: string) {
    this.#server = server;
    this.pipe = new Pipe(server.clock);
    this.pipe.deliver = (frame) => this.#received.push(...messagesOf(frame));
    const transport = this.pipe.transport(() => this.connection.drained());
    const request = { url: "http://test/", method: "GET", headers: new Headers(), address: "" };
    this.connection = server.node.open({
      ...transport,
      get buffered() {
        return transport.buffered;
      },
      close: (code, reason) => {
        transport.close(code, reason);
        server.clock.immediate(() => this.end(code)); // never during the call, as sockets have it
      },
    }, { id, request, token: undefined });
  }

  /** The code with which the server closed it. */
  get closed(): number | undefined {
    return this.pipe.closes[0];
  }

  /** Sends messages in one frame. */
  send(...messages: Message[]): void {
    this.connection.receive(frameOf(...messages));
  }

  /** SUBSCRIBE. Returns the number of the subscription. */
  subscribe(channel: string, position: unknown = null, options: unknown = null): number {
    this.send([Kind.SUBSCRIBE, ++this.#subs, channel, position, options]);
    return this.#subs;
  }

  /** SUBSCRIBE, and what the server said by the end of the turn. */
  async joined(channel = "board/7", position: unknown = null, options: unknown = null): Promise<unknown[][]> {
    this.subscribe(channel, position, options);
    await this.#server.clock.settle();
    return this.take();
  }

  /** `@publish`. Returns the number of the call. */
  publish(
    n: number,
    message: unknown,
    { channel = "board/7", low }: { channel?: string; low?: number } = {},
  ): number {
    const data = message === undefined ? new Uint8Array(0) : encode(message);
    return this.call("@publish", [channel, n, data, ...(low === undefined ? [] : [low])]);
  }

  /** CALL. Returns its number. */
  call(method: string, input?: unknown): number {
    const id = ++this.#calls;
    this.send([Kind.CALL, id, id, method, null, payload(input)]);
    return id;
  }

  /** What came since this was asked last, without NAME. */
  take(): unknown[][] {
    return this.#received.splice(0).filter(([kind]) => kind !== Kind.NAME);
  }

  /** Messages of some kinds that came since this was asked last. */
  takeOf(...kinds: number[]): unknown[][] {
    return this.take().filter(([kind]) => kinds.includes(kind as number));
  }

  /** The connection is lost. */
  end(code = 1006): void {
    if (this.isOver) return;
    this.isOver = true;
    this.pipe.cut();
    this.#server.node.closed(this.connection, code, "");
  }
}
