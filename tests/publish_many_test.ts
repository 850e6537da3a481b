// A client that publishes to very many channels keeps the numbers of some, and gives no number of a channel twice.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { Channels } from "../client/channels.ts";
import { channel, millrace } from "../mod.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { simulate } from "../testing/mod.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const DATA = new Uint8Array([1]);
const LANDED = ["epoch", 1, 1, "memory"];

describe("a client that publishes to thousands of channels", () => {
  it("forgets those that wait for nothing, and begins above all numbers that these had", async () => {
    const sent: [string, number, unknown][] = [];
    const call = (_name: string, input: unknown) => {
      const [channel, n, , options] = input as [string, number, Uint8Array, unknown];
      sent.push([channel, n, options]);
      return channel === "busy" ? new Promise<never>(() => {}) : Promise.resolve(LANDED);
    };
    const outbox = { count: 10, bytes: 1_000 };
    const channels = new Channels({
      clock: new ManualClock(),
      limits: DEFAULT_LIMITS,
      call,
      report: () => {},
      outbox,
    });
    channels.connected(() => {}, () => 256);
    void channels.publish("busy", DATA, {});
    for (let i = 0; i < 3; i++) await channels.publish("first", DATA, {});
    for (let i = 0; i < 3_000; i++) await channels.publish(`c${i}`, DATA, {});
    void channels.publish("busy", DATA, {});
    await channels.publish("first", DATA, {});
    const numbers = (name: string) => sent.filter(([channel]) => channel === name).map(([, n]) => n);
    assertEquals(numbers("c0"), [1]);
    assertEquals(numbers("c2999")[0]! > 3, true, "the first was forgotten, and with it what had its numbers");
    const [, , , again] = numbers("first");
    assert(again! > 3, `${again}`);
    assertEquals(sent.at(-1), ["first", again!, undefined]); // nothing is missing below it
    assertEquals(sent.filter(([channel]) => channel === "busy"), [["busy", 1, undefined], ["busy", 2, 1]]);
  });

  it("lands each once, in order, on a real server", async () => {
    const app = millrace({ procedures: {}, channels: { "c/:id": channel({ message: z.number() }) } });
    await using world = simulate(app, { seed: 1 });
    const client = world.connect();
    for (let round = 1; round <= 3; round++) {
      for (let at = 0; at < 1_200; at += 100) {
        const batch = Array.from({ length: 100 }, (_, i) => client.channel("c/:id", { id: at + i }));
        const landed = await world.wait(Promise.all(batch.map((one) => one.publish(round))));
        assertEquals(landed.map(({ offset }) => offset), batch.map(() => round));
      }
    }
  });
});
