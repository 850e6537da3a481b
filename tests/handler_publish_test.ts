// What a handler publishes wrongly is an error of the program: its caller has sent nothing wrong.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, channel, define } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

const news = channel({
  message: z.string(),
  signal: z.number().refine((n) => Promise.resolve(n > 0)),
  allow: { subscribe: true },
});
const { millrace, procedure } = define().with({ channels: { news } });

describe("a publication of a handler that cannot be", () => {
  it("is BAD_INPUT, or TOO_LARGE, for the handler, and INTERNAL for its caller; the program is told", async () => {
    const [caught, reported]: [unknown[], unknown[]] = [[], []];
    const app = millrace({
      limits: { message: 8_192 },
      onError: (error) => void reported.push((error as CallError).code),
      procedures: {
        escapes: procedure(async (_, { publish }) => {
          await publish("news", 7 as never);
        }),
        large: procedure({ input: z.number() }, async (size, { channel }) => {
          await channel("news").publish("x".repeat(size));
        }),
        signal: procedure(async (_, { channel }) => {
          await channel("news").signal(-1 as never);
        }),
        catches: procedure(async (_, { publish }) => {
          await publish("news", 7 as never).catch((error) =>
            caught.push([error.code, error.data.issues.length])
          );
        }),
        retells: procedure(async (_, { publish }) => {
          await publish("news", 7 as never).catch((cause) => {
            throw new CallError("BAD_INPUT", "so not", { cause });
          });
        }),
      },
    });
    await using world = simulate(app, { seed: 1 });
    const client = world.connect();
    const told = async (call: PromiseLike<unknown>) =>
      await world.wait(
        Promise.resolve(call).then(() => "ok", ({ code, ambiguous, data }) => [code, ambiguous, data]),
      );
    assertEquals(await told(client.call.escapes()), ["INTERNAL", false, undefined]);
    assertEquals(await told(client.call.large(8_000)), ["INTERNAL", false, undefined]);
    assertEquals(await told(client.call.signal()), ["INTERNAL", false, undefined]);
    assertEquals(await told(client.call.catches()), "ok");
    assertEquals((await told(client.call.retells()))[0], "BAD_INPUT");
    assertEquals(caught, [["BAD_INPUT", 1]]);
    assertEquals(reported, ["BAD_INPUT", "TOO_LARGE", "BAD_INPUT"]);
  });
});
