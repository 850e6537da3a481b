// Which limits a program may set: those with which the other side can speak to it.
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { connect } from "../client/mod.ts";
import { channel, millrace, procedure } from "../mod.ts";
import { DEFAULT_LIMITS, type Limits, resolveLimits } from "../rpc/limits.ts";
import { simulate } from "../testing/mod.ts";
import { anything } from "./suites/pair.ts";

const NAMES = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
const MOST = 2 ** 48;
const ZERO: readonly string[] = ["callTimeout", "grace", "session"];
const LEAST: Partial<Limits> = {
  message: 1_024,
  messageBeforeAuthentication: 65_536,
  messages: 64,
  depth: 8,
  keys: 16,
};
/** With these a server that is spoken to closes by design: floods, and what takes longer than a millisecond. */
const SEVERE: readonly string[] = ["messageRate", "byteRate", "hello", "heartbeat", "callTimeout"];

function leastOf(name: keyof Limits): number {
  return LEAST[name] ?? (ZERO.includes(name) ? 0 : 1);
}

describe("a limit", () => {
  it("is a whole number, from the least it may be to 2^48", () => {
    for (const name of NAMES) {
      const least = leastOf(name);
      for (const value of [least, MOST]) assertEquals(resolveLimits({ [name]: value })[name], value);
      const wrong = [least - 1, least + 0.5, MOST + 1, NaN, Infinity, "5", null, 5n];
      for (const value of wrong) {
        assertThrows(
          () => resolveLimits({ [name]: value as number }),
          RangeError,
          `Cannot set limit "${name}" to ${value}: must be a whole number of at least ${least}`,
        );
      }
    }
    assertThrows(() => resolveLimits({ nothing: 1 } as Partial<Limits>), RangeError, "no such limit");
  });

  it("that is none is refused by an app and by a client, where it is set", () => {
    const limits = { message: 100 };
    assertThrows(
      () => simulate(millrace({ limits, procedures: {} }), { seed: 1 }),
      RangeError,
      "at least 1024",
    );
    assertThrows(() => connect("ws://mill.test/", { limits }), RangeError, "at least 1024");
  });

  for (const side of ["server", "client"] as const) {
    for (const [kind, of] of [["least", leastOf], ["most", () => MOST]] as const) {
      it(`that is the ${kind} of a ${side} lets calls, streams and channels through, and a client come back`, async () => {
        for (const name of NAMES.filter((name) => !SEVERE.includes(name))) {
          const limits = { [name]: of(name) };
          const app = millrace({
            limits: side === "server" ? limits : {},
            procedures: {
              echo: procedure({ input: z.string() }, (text) => text),
              count: procedure.stream({ output: z.number() }, async function* () {
                for (let i = 1; i <= 3; i++) yield i;
              }),
            },
            channels: { "board/:id": channel({ message: anything, history: { messages: 5 } }) },
          });
          await using world = simulate(app, { seed: 1 });
          const client = world.connect({ limits: side === "client" ? limits : {} });
          const board = client.channel("board/:id", { id: "7" });
          const subscription = board.subscribe(() => {});
          assertEquals(await world.wait(client.call.echo("hi")), "hi", name);
          const got: number[] = [];
          const reading = (async () => {
            for await (const n of client.call.count()) got.push(n);
          })();
          await world.wait(reading);
          await world.wait(subscription.ready());
          world.cut(client);
          await world.run(5_000);
          assertEquals([await world.wait(client.call.echo("back")), got], ["back", [1, 2, 3]], name);
          assertEquals((await world.wait(board.history())).entries, [], name);
        }
      });
    }
  }
});
