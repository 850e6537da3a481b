// What a keyed call throws that cannot be told: its key is free of it, and nobody waits.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { define, procedure } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

describe("a declared error that cannot be encoded", () => {
  it("leaves nobody waiting who calls with the same key", async () => {
    const reported: unknown[] = [];
    const { millrace } = define<object>().with({});
    const app = millrace({
      procedures: {
        odd: procedure({ errors: { ODD: z.any() } }, async (_, { errors }) => {
          await null;
          throw errors.ODD(new Map());
        }),
      },
      onError: (error) => void reported.push(error),
    });
    const world = simulate(app, { seed: 1 });
    const client = world.connect();
    await world.wait(client.ready());
    const all = await world.wait(
      Promise.all([1, 2, 3].map(() => client.call.odd(undefined, { key: "k" }).result())),
    );
    assertEquals(all.map(({ error }) => error?.code), ["INTERNAL", "INTERNAL", "INTERNAL"]);
    assertEquals(reported.length > 0, true);
    await world[Symbol.asyncDispose]();
  });
});
