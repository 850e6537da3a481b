/**
 * A connection to a real server, under attack.
 */
import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers/promises";
import { millrace } from "../../mod.ts";
import type { Client } from "../../client/mod.ts";
import { AppServer, NOTHING_LEFT } from "./app_server.ts";
import { open } from "./channel_node.ts";
import { hostileProcedures, Probe } from "./hostile_app.ts";
import type { Attack, Held, Target } from "./hostile_target.ts";
import { opcodes } from "./raw.ts";
import { equal } from "../std/equal.ts";
import { Wire } from "./wire.ts";

/** What the program is told. */
interface Told {
  readonly probe: Probe;
  readonly reports: unknown[];
  readonly closes: number[];
}

/** An app with these limits. */
function make(
  { probe, reports, closes }: Told,
  { limits = {}, unanswered }: Pick<Attack, "limits" | "unanswered">,
) {
  return millrace({
    path: "/rpc",
    procedures: hostileProcedures(probe),
    channels: { "board/:id": open },
    authenticate: () => unanswered ? new Promise<never>(() => {}) : {},
    onError: (error) => void reports.push(error),
    onDisconnect: (_connection, { code }) => void closes.push(code),
    limits,
  });
}

type App = ReturnType<typeof make>;

/** A server, and an honest client that stays connected while others attack. */
export class HostileServer {
  readonly server: AppServer<App>;
  readonly probe: Probe;
  /** Errors that the program was told of. */
  readonly reports: unknown[];
  /** Codes that connections were closed with. */
  readonly closes: number[];
  readonly #honest: Client<App> | undefined;

  private constructor(
    server: AppServer<App>,
    { told, honest }: { told: Told; honest: Client<App> | undefined },
  ) {
    this.server = server;
    this.probe = told.probe;
    this.reports = told.reports;
    this.closes = told.closes;
    this.#honest = honest;
  }

  /** Starts it. */
  static async start(kind: Pick<Attack, "limits" | "unanswered">): Promise<HostileServer> {
    const told: Told = { probe: new Probe(), reports: [], closes: [] };
    const server = await AppServer.start(make(told, kind), { path: "/rpc" });
    const isPlain = Object.keys(kind.limits ?? {}).length === 0 && !kind.unanswered;
    return new HostileServer(server, { told, honest: isPlain ? server.client() : undefined });
  }

  /** Asserts that honest people are answered: one who was there before, and one who comes now, by a call without a socket. */
  async assertServes(): Promise<void> {
    assertEquals(await this.#honest?.call.add({ a: 1, b: 2 }) ?? 3, 3);
    if (this.#honest === undefined) return;
    const response = await this.server.post("add", JSON.stringify({ a: 1, b: 2 }));
    assertEquals([response.status, await response.json()], [200, 3]);
  }

  /** What it holds, for the honest client aside. */
  get gauges(): object {
    // A channel is listened to for a while after the last subscriber has left.
    const { connections, ...held } = { ...this.server.app.stats(), channels: 0 };
    return { ...held, connections: connections - (this.#honest === undefined ? 0 : 1) };
  }
}

/** One connection. */
export class WireTarget implements Target {
  readonly probe: Probe;
  readonly #of: HostileServer;
  readonly #wire: Wire;
  #sent = 0;
  readonly #messages: unknown[][] = [];
  #arrived = (): void => {};

  private constructor(of: HostileServer, wire: Wire) {
    this.probe = of.probe;
    this.#of = of;
    this.#wire = wire;
    void this.#pump();
  }

  /** Connects. */
  static async open(of: HostileServer): Promise<WireTarget> {
    of.probe.reset();
    of.reports.length = of.closes.length = 0;
    return new WireTarget(of, await Wire.open(of.server.port, { path: "/rpc" }));
  }

  get received(): readonly Uint8Array[] {
    return this.#wire.frames;
  }

  send(frame: Uint8Array): void {
    this.#sent++;
    this.#wire.socket.send(opcodes.binary, frame);
  }

  async isOpen(): Promise<boolean> {
    await setImmediate();
    return this.#wire.closed === undefined;
  }

  cut(): void {
    void this.#wire.cut();
  }

  read(on: boolean): void {
    if (on) this.#wire.socket.resume();
    else this.#wire.socket.pause();
  }

  async next(): Promise<unknown[] | undefined> {
    while (this.#messages.length === 0 && this.#wire.closed === undefined) await this.#change();
    return this.#messages.shift();
  }

  /**
   * Deno cuts a connection on which something but a close frame arrives after its own close frame was sent, and the cut may
   * overtake that: who sends on sees 1006. On Bun it was seen under a flood: what is left unread makes the kernel cut. What the server closed with is then known from `onDisconnect`.
   */
  async closed(): Promise<number> {
    while (this.#wire.closed === undefined) await this.#change();
    const { code } = this.#wire.closed;
    if (code !== 1006 || this.#sent < 3) return code;
    await this.until(() => this.#of.closes.length, 1);
    return this.#of.closes[0]!;
  }

  held(): Held {
    const { calls, streams, heldBytes } = this.#of.server.app.stats();
    return { calls, streams, bytes: heldBytes };
  }

  async until(read: () => unknown, expected: unknown): Promise<void> {
    const end = performance.now() + 5_000;
    while (!equal(read(), expected)) {
      if (performance.now() > end) assertEquals(read(), expected, "after 5 s");
      await setImmediate();
    }
  }

  /** Ends it, if it has not ended, and waits until the server holds nothing of it. */
  async end(): Promise<void> {
    await this.#wire.cut();
    this.probe.release();
    await this.until(() => this.#of.gauges, NOTHING_LEFT);
  }

  /** Reads on, so that a close is seen when it comes. */
  async #pump(): Promise<void> {
    for (let message = await this.#wire.next(); message !== undefined; message = await this.#wire.next()) {
      this.#messages.push(message);
      this.#arrived();
    }
    this.#arrived();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#arrived = resolve);
  }
}
