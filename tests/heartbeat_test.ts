import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Heartbeat, heartbeatRules } from "../rpc/heartbeat.ts";
import { resolveLimits } from "../rpc/limits.ts";
import { ServerConnection } from "../rpc/server_connection.ts";
import { MemoryLedger } from "../brokers/memory_ledger.ts";
import { KeyedCalls } from "../rpc/ledger.ts";
import { Sessions } from "../rpc/sessions.ts";
import { encode } from "../msgpack/mod.ts";
import { millrace } from "../mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { call, hello, type Message, messagesOf } from "./suites/wire.ts";
import { procedureBuilder } from "../rpc/builder.ts";

/** A clock whose timers fire late by as much as the process was blocked. */
class BlockableClock extends ManualClock {
  #blocked = 0;

  override now(): number {
    return super.now() + this.#blocked;
  }

  /** Time passes, but no timer runs until `advance`. */
  block(ms: number): void {
    this.#blocked += ms;
  }
}

describe("a heartbeat", () => {
  function make(clock: ManualClock) {
    const log: string[] = [];
    const heartbeat = new Heartbeat({
      clock,
      interval: 15_000,
      patience: 23_000,
    }, {
      beat: () => void log.push(`beat ${clock.now() - 1_000}`),
      silent: () => void log.push(`silent ${clock.now() - 1_000}`),
    });
    return { log, heartbeat };
  }

  it("beats at its interval, and gives up after heartbeat and grace of silence, once", async () => {
    const clock = new ManualClock();
    const { log } = make(clock);
    await clock.advance(100_000);
    assertEquals([log, clock.pending], [["beat 15000", "silent 23000"], 0]);
  });

  it("goes on as long as anything is heard", async () => {
    const clock = new ManualClock();
    const { log, heartbeat } = make(clock);
    for (let i = 0; i < 10; i++) {
      await clock.advance(10_000);
      heartbeat.heard(clock.now());
    }
    assertEquals(log, [15, 30, 45, 60, 75, 90].map((at) => `beat ${at}000`));
    await clock.advance(22_999);
    assertEquals(log.at(-1), "beat 120000");
    await clock.advance(1);
    assertEquals(log.at(-1), "silent 123000");
  });

  it("gives those who wait another chance when it was this process that slept", async () => {
    const clock = new BlockableClock();
    const { log, heartbeat } = make(clock);
    clock.block(3_600_000);
    await clock.advance(15_000);
    assertEquals(log, ["beat 3615000"]);
    heartbeat.heard(clock.now());
    await clock.advance(20_000);
    assertEquals(log.filter((line) => line.startsWith("silent")), []);
    await clock.advance(10_000);
    assertEquals(log.filter((line) => line.startsWith("silent")).length, 1);
  });

  it("ends when it is stopped", async () => {
    const clock = new ManualClock();
    const { log, heartbeat } = make(clock);
    heartbeat.stop();
    await clock.advance(100_000);
    assertEquals([log, clock.pending], [[], 0]);
  });
});

describe("a connection of a server", () => {
  function make() {
    const clock = new ManualClock();
    const sent: unknown[][] = [];
    const closes: [number, string][] = [];
    const ends: unknown[] = [];
    const procedure = procedureBuilder([]);
    const never = procedure(() => new Promise<never>(() => {}));
    const transport = {
      send: (frame: Uint8Array) => void sent.push(...messagesOf(frame.slice())),
      buffered: 0,
      close: (code: number, reason: string) => void closes.push([code, reason]),
    };
    const connection = new ServerConnection(
      {
        limits: resolveLimits(),
        clock,
        heartbeat: heartbeatRules(clock, resolveLimits()),
        date: () => clock.now(),
        newSession: () => new Uint8Array(16),
        keyed: new KeyedCalls({
          ledger: new MemoryLedger({ claims: 1_000, bytes: 1 << 20 }, () => clock.now(), () => {}),
          clock,
          limits: resolveLimits(),
          node: "node",
          report: () => {},
        }),
        sessions: new Sessions(clock, resolveLimits(), () => new Uint8Array(16)),
        channels: undefined,
        nodeId: "node",
        procedures: new Map([["never", { name: "never", number: 1, definition: never as never }]]),
        offered: new Map(),
        authenticate: () => ({}),
        report: () => {},
        connected: () => {},
        disconnected: (_connection, end) => void ends.push(end),
        authenticationFailed: () => {},
      },
      transport,
      {
        id: "1",
        request: { url: "", method: "GET", headers: new Headers(), address: "" },
        token: undefined,
      },
    );
    const receive = (...messages: Message[]) =>
      connection.receive(new Uint8Array(messages.flatMap((message) => [...encode(message)])));
    return { clock, sent, closes, ends, connection, receive };
  }

  it("says PING every 15 s, and 4504 after 23 s of silence: both directions, call or no call", async () => {
    const { clock, sent, closes, ends, connection, receive } = make();
    receive(hello(), call(1, "never"));
    await clock.settle();
    assertEquals(sent[0]![0], 1);
    await clock.advance(15_000);
    assertEquals(sent.at(-1), [2, 1]);
    receive([3, 0]);
    await clock.advance(22_999);
    assertEquals(closes, []);
    await clock.advance(1);
    assertEquals(closes, [[4504, "nothing was received"]]);
    connection.closed(4504, "nothing was received");
    assertEquals(ends, [{ code: 4504, reason: "nothing was received" }]);
    await clock.advance(3_600_000);
    assertEquals([closes.length, clock.pending], [1, 0]);
  });

  it("has no heartbeat before HELLO, only its deadline: 4508", async () => {
    const { clock, sent, closes, ends, connection } = make();
    await clock.advance(9_999);
    assertEquals([sent, closes], [[], []]);
    await clock.advance(1);
    assertEquals(closes, [[4508, "no hello in time"]]);
    connection.closed(4508, "");
    assertEquals([ends, clock.pending], [[], 0]);
  });
});

describe("a heartbeat over a socket", () => {
  it("keeps who answers, and ends who does not with 4504", async () => {
    const ends = new Mailbox<number>();
    const server = await AppServer.start(millrace({
      limits: { heartbeat: 400, grace: 400 }, // who answers shares two cores with whatever runs beside it
      procedures: {},
      onDisconnect: (_connection, { code }) => ends.push(code),
    }));
    try {
      const client = server.client();
      await client.ready();
      const silent = await server.wire();
      silent.send(hello());
      assertEquals(await silent.end(), { code: 4504, reason: "nothing was received" });
      assertEquals([await ends.next(), client.state.status], [4504, "open"]);
    } finally {
      await server.stop();
    }
  });
});
