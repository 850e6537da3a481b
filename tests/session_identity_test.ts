// Who somebody is, while connections come and go: tokens that are late, authentications that end, and subjects that are shut out.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { define } from "../mod.ts";
import { mounted } from "../rpc/mount.ts";
import { SimulatedWorld } from "../testing/world.ts";

const BEGINNING = 1_800_000_000_000;

/** A server on which one call runs at a time, for as many ms as its input says; `holds` is how long a token is good for. */
function open({ holds, concurrency = 1 }: { holds?: number; concurrency?: number }) {
  const { millrace, procedure } = define<{ subject: string }>();
  const started: number[] = [];
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => void world.serverClock.setTimeout(resolve, ms));
  const authenticate = async (): Promise<{ subject: string; expires?: number }> => {
    await wait(200);
    const expires = holds === undefined ? {} : { expires: BEGINNING + Math.floor(world.now()) + holds };
    return { subject: "ada", ...expires };
  };
  const run = async (ms: number): Promise<number> => {
    started.push(Math.round(world.now() / 1_000));
    await wait(ms);
    return ms;
  };
  const app = millrace({
    limits: { concurrency },
    authenticate,
    procedures: {
      run: procedure({ input: z.number() }, run),
      again: procedure({ input: z.number(), idempotent: true }, run),
    },
    onError: () => {},
  });
  const world = new SimulatedWorld<typeof app>({
    seed: 1,
    makeNode: (surroundings) => mounted(app).makeNode(surroundings),
  });
  return { world, started };
}

describe("a token for a connection that was lost meanwhile", () => {
  for (const asked of [3, 4]) {
    it(`is not sent beside token ${asked}, which the next one has of its own`, async () => {
      const { world, started } = open({ holds: 120_000 });
      const tokens: PromiseWithResolvers<string>[] = [];
      const client = world.connect({
        token: () => {
          const token = Promise.withResolvers<string>();
          tokens.push(token);
          if (tokens.length !== 2) token.resolve(`${tokens.length}`);
          return token.promise;
        },
      });
      await world.wait(client.ready());
      while (tokens.length < 2) await world.run(1_000);
      const call = client.call.run(5_000);
      world.cut(client);
      while (tokens.length < asked) await world.run(10);
      await world.run(100); // the server asks about that one for 200 ms
      tokens[1]!.resolve("late");
      await world.run(10_000);
      assertEquals(client.state.status, "open");
      assertEquals([await world.wait(call), started.length], [5_000, 1]);
      await world[Symbol.asyncDispose]();
    });
  }
});

describe("an authentication that ends while its session has no connection", () => {
  it("starts nothing any more", async () => {
    const { world, started } = open({ holds: 20_000 });
    const client = world.connect({ token: "one", onError: () => {} });
    await world.wait(client.ready());
    for (let i = 0; i < 8; i++) void client.call.run(15_000).catch(() => {});
    await world.run(5_000);
    world.kill(client);
    await world.run(200_000);
    assertEquals(started, [0, 15]);
    assertEquals([world.node.stats().calls, world.node.stats().sessions], [0, 0]);
    await world[Symbol.asyncDispose]();
  });

  it("goes on with a session that came back with a new token in time", async () => {
    const { world, started } = open({ holds: 20_000 });
    const client = world.connect({ token: () => "one" });
    await world.wait(client.ready());
    const calls = [1, 2, 3].map(() => client.call.run(15_000));
    for (let i = 0; i < 8; i++) {
      await world.run(5_000);
      world.cut(client);
    }
    assertEquals(await world.wait(Promise.all(calls)), [15_000, 15_000, 15_000]);
    assertEquals(started.length, 3);
    await world[Symbol.asyncDispose]();
  });
});

describe("connections().close()", () => {
  for (const code of [1000, 4403, 1012]) {
    it(`with ${code} ${code === 1012 ? "leaves" : "ends"} sessions that wait`, async () => {
      const { world, started } = open({});
      const client = world.connect({ onError: () => {} });
      await world.wait(client.ready());
      for (let i = 0; i < 4; i++) void client.call.run(5_000).catch(() => {});
      await world.run(1_000);
      world.kill(client);
      await world.run(1_000);
      world.node.connections({ subject: "eve" }).close(code);
      assertEquals(world.node.stats().sessions, 1);
      world.node.connections({ subject: "ada" }).close(code);
      await world.run(60_000);
      assertEquals(started.length, code === 1012 ? 4 : 1);
      await world[Symbol.asyncDispose]();
    });
  }
});

describe("calls in flight when the authentication ends", () => {
  it("are sent again with the next token, where they may be", async () => {
    const { world, started } = open({ holds: 20_000, concurrency: 9 });
    let tokens = 0;
    const client = world.connect({
      token: () => ++tokens === 2 ? new Promise<string>(() => {}) : `${tokens}`,
    });
    await world.wait(client.ready());
    await world.run(17_000);
    const calls = [
      client.call.run(5_000, { key: "k" }),
      client.call.again(5_000),
      client.call.run(5_000),
    ].map((call) => call.result());
    const ended = await world.wait(Promise.all(calls));
    assertEquals(
      ended.map(({ ok, error }) => ok || [error!.code, error!.ambiguous]),
      [true, true, ["UNAUTHENTICATED", true]],
    );
    assertEquals(started.length, 4); // the idempotent one twice
    await world[Symbol.asyncDispose]();
  });
});

describe("a client that wakes while all its calls are taken", () => {
  it("keeps its connection", async () => {
    const { world, started } = open({ concurrency: 256 });
    const alarms: { woke: () => void }[] = [];
    const client = world.connect({
      limits: { session: 0 },
      wake: (given) => {
        alarms.push(given);
        return () => {};
      },
    });
    await world.wait(client.ready());
    const calls = Array.from({ length: 256 }, () => client.call.run(15_000));
    await world.run(1_000);
    alarms[0]!.woke();
    assertEquals((await world.wait(Promise.all(calls))).length, 256);
    assertEquals([client.state.status, started.length], ["open", 256]);
    await world[Symbol.asyncDispose]();
  });
});
