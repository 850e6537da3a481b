/**
 * A server's connection in memory, under attack: time stands still unless somebody waits for it.
 */
import type { Registered } from "../../rpc/incoming_call.ts";
import { NodeChannels } from "../../rpc/node_channels.ts";
import { resolveLimits } from "../../rpc/limits.ts";
import { ServerConnection } from "../../rpc/server_connection.ts";
import { MemoryLedger } from "../../brokers/memory_ledger.ts";
import { heartbeatRules } from "../../rpc/heartbeat.ts";
import { KeyedCalls } from "../../rpc/ledger.ts";
import { Sessions } from "../../rpc/sessions.ts";
import { hostileProcedures, Probe } from "./hostile_app.ts";
import type { Attack, Held, Target } from "./hostile_target.ts";
import { open } from "./channel_node.ts";
import { ScriptedBroker } from "./scripted_broker.ts";
import { ManualClock } from "./manual_clock.ts";
import { register } from "./pair.ts";
import { Pipe } from "./pipe.ts";
import { equal } from "../std/equal.ts";
import { messagesOf } from "./wire.ts";

/** How often time is moved on for somebody who waits. */
const STEPS = 50;
const STEP = 10;

/** One connection. */
export class CoreTarget implements Target {
  readonly probe: Probe = new Probe();
  /** What the program was told of. */
  readonly reports: unknown[] = [];
  readonly received: Uint8Array[] = [];
  readonly #clock = new ManualClock();
  readonly #pipe = new Pipe(this.#clock);
  readonly #connection: ServerConnection;
  readonly #channels: NodeChannels;
  readonly #messages: unknown[][] = [];
  #code: number | undefined;

  constructor({ limits, unanswered }: Pick<Attack, "limits" | "unanswered">) {
    const transport = this.#pipe.transport(() => this.#connection.drained());
    const bounds = resolveLimits(limits);
    this.#channels = new NodeChannels({
      clock: this.#clock,
      limits: bounds,
      broker: new ScriptedBroker(),
      groups: [{ "board/:id": open }],
      nodeId: "node",
      report: (error) => void this.reports.push(error),
    });
    this.#connection = new ServerConnection({
      limits: bounds,
      clock: this.#clock,
      heartbeat: heartbeatRules(this.#clock, bounds),
      date: () => this.#clock.now(),
      newSession: () => new Uint8Array(16),
      keyed: new KeyedCalls({
        ledger: new MemoryLedger({ claims: 1_000, bytes: 1 << 20 }, () => this.#clock.now(), () => {}),
        clock: this.#clock,
        limits: bounds,
        node: "node",
        report: () => {},
      }),
      sessions: new Sessions(this.#clock, bounds, () => new Uint8Array(16)),
      channels: this.#channels,
      nodeId: "node",
      procedures: registered(this.probe),
      offered: new Map(),
      authenticate: () => unanswered ? new Promise<never>(() => {}) : {},
      report: (error) => void this.reports.push(error),
      connected: () => {},
      disconnected: () => {},
      authenticationFailed: () => {},
    }, {
      ...transport,
      get buffered() {
        return transport.buffered;
      },
      close: (code) => this.#close(code),
    }, {
      id: "1",
      token: undefined,
      request: { url: "http://127.0.0.1/", method: "GET", headers: new Headers(), address: "127.0.0.1" },
    });
    this.#pipe.deliver = (frame) => {
      this.received.push(frame);
      this.#messages.push(...messagesOf(frame));
    };
  }

  /** Timers that have not run. */
  get timers(): number {
    return this.#clock.pending;
  }

  send(frame: Uint8Array): void {
    if (this.#code === undefined) this.#connection.receive(frame); // whatever it throws fails the test
  }

  isOpen(): Promise<boolean> {
    return Promise.resolve(this.#code === undefined);
  }

  cut(): void {
    this.#pipe.cut();
    this.#connection.closed(1006, "");
  }

  read(on: boolean): void {
    if (on) this.#pipe.resume();
    else this.#pipe.stall();
  }

  async next(): Promise<unknown[] | undefined> {
    await this.#wait(() => this.#messages.length > 0 || this.#code !== undefined);
    return this.#messages.shift();
  }

  async closed(): Promise<number> {
    await this.#wait(() => this.#code !== undefined);
    return this.#code ?? 0;
  }

  held(): Held {
    const { calls, streams, held } = this.#connection;
    return { calls, streams, bytes: held };
  }

  async until(read: () => unknown, expected: unknown): Promise<void> {
    await this.#wait(() => equal(read(), expected));
    if (!equal(read(), expected)) throw new Error(`expected ${expected}, got ${read()}`);
  }

  /** Ends it, if it has not ended, and everything that handlers still do. */
  async end(): Promise<void> {
    this.cut();
    this.probe.release();
    this.#channels.end();
    await this.#clock.settle();
  }

  #close(code: number): void {
    this.#code ??= code;
  }

  async #wait(done: () => boolean): Promise<void> {
    if (done()) return;
    await this.#clock.settle();
    for (let step = 0; step < STEPS && !done(); step++) await this.#clock.advance(STEP);
  }
}

function registered(probe: Probe): Map<string, Registered> {
  return register(hostileProcedures(probe));
}
