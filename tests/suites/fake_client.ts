/**
 * A client on fake WebSockets and a clock that the test moves.
 */
import {
  type Client,
  type ClientState,
  connect,
  type ConnectOptions,
  type HasContract,
} from "../../client/whole.ts";
import type { OutgoingCall } from "../../rpc/outgoing_call.ts";
import { FakeNetwork, type FakeWebSocket } from "./fake_web_socket.ts";
import { ManualClock } from "./manual_clock.ts";

/** Procedures by name, untyped: there is no app. */
export type AnyCall = Record<string, (...args: unknown[]) => OutgoingCall>;

/** Time and chance of the test. */
export class TestClock extends ManualClock {
  /** What `random` gives. */
  chance = 0.5;

  override random(): number {
    return this.chance;
  }
}

/** A client, its network and its clock. */
export class FakeClient {
  readonly clock = new TestClock();
  readonly network = new FakeNetwork();
  readonly errors: unknown[] = [];
  readonly states: ClientState[] = [];
  readonly client: Client<HasContract>;
  readonly call: AnyCall;

  constructor(
    options: ConnectOptions<HasContract> = {},
    url = "ws://mill.test/rpc",
    make: (url: string, options: ConnectOptions<HasContract>) => Client<HasContract> = connect,
  ) {
    this.client = make(url, {
      clock: this.clock,
      webSocket: this.network.webSocket,
      onError: (error) => void this.errors.push(error),
      ...options,
    });
    this.client.on("state", (state) => void this.states.push(state));
    this.call = this.client.call as unknown as AnyCall;
  }

  /** A client that has connected. */
  static async connected(options: ConnectOptions<HasContract> = {}): Promise<FakeClient> {
    const fake = new FakeClient(options);
    await fake.clock.settle();
    fake.socket.accept();
    await fake.clock.settle();
    return fake;
  }

  get socket(): FakeWebSocket {
    return this.network.last;
  }

  get status(): string {
    return this.client.state.status;
  }

  /** The socket closes. */
  async drop(code?: number, reason?: string): Promise<void> {
    this.socket.drop(code, reason);
    await this.clock.settle();
  }

  /** Waits out the backoff; the next socket is then there. */
  async retry(): Promise<FakeWebSocket> {
    await this.clock.advance(this.client.state.retryIn ?? 0);
    return this.socket;
  }

  /** Closes for good: the socket's answer comes at once. */
  async close(): Promise<void> {
    const closed = this.client.close();
    this.network.sockets.forEach((socket) => socket.drop(1000));
    await this.clock.settle();
    await closed;
  }
}
