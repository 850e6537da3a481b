// Hostile input against the core in memory: every row of the table, with a clock that stands still.
import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CoreTarget } from "./suites/hostile_core.ts";
import { Chance, converse, damaged, messagesIn, MOST_HELD } from "./suites/hostile_fuzz.ts";
import { attacksOf, ROWS } from "./suites/hostile_table.ts";
import { type Attack, attack } from "./suites/hostile_target.ts";
import { gauges, NOTHING } from "./suites/pair.ts";

/** Milliseconds that one attack may take, the machine being busy: most take less than one. */
const PATIENCE = 5_000;

/** Attacks one connection, and asserts what is expected and that nothing is left. */
async function survives(one: Attack): Promise<void> {
  const target = new CoreTarget(one);
  const started = performance.now();
  try {
    await attack(target, one);
  } finally {
    await target.end();
  }
  assertEquals(target.reports.length, one.reports ?? 0, "errors told to the program");
  assertEquals({ ...target.held(), timers: target.timers }, { calls: 0, streams: 0, bytes: 0, timers: 0 });
  const taken = performance.now() - started;
  assert(taken < PATIENCE, `it took ${taken} ms`);
}

describe("hostile input to the core", () => {
  for (const row of ROWS) {
    it(`row ${row}`, async () => {
      const attacks = attacksOf(row);
      assert(attacks.length > 0, "the row has no attack");
      const failed: string[] = [];
      for (const one of attacks) {
        await survives(one).catch((error) => failed.push(`${one.name}: ${error.message}`));
      }
      assertEquals(failed, []);
      assertEquals(({} as { polluted?: unknown }).polluted, undefined);
    });
  }
});

/** How many conversations are damaged, and the first seed: half of them the same in every run, half never seen before. */
const RUNS = 500;
const FRESH = Math.floor(Math.random() * 2 ** 32);

describe("damaged conversations", () => {
  for (const role of ["server", "client"] as const) {
    it(`never make the ${role} throw, hang, hold much, or forget to let go`, async () => {
      const recorded = await converse();
      const messages = messagesIn(recorded[role === "server" ? "client" : "server"].pipe.frames).slice(1);
      await end(recorded);
      assertEquals(await fuzz(role, messages), [], "what was recorded is valid");
      assert(messages.length > 20, `${messages.length} messages were recorded`);
      for (let run = 0; run < RUNS; run++) {
        const seed = run % 2 === 0 ? run : (FRESH + run) >>> 0;
        try {
          await fuzz(role, damaged(messages, new Chance(seed)));
        } catch (error) {
          throw new Error(`Seed ${seed}: ${(error as Error).message}`, { cause: error });
        }
      }
    });
  }
});

/**
 * Gives one end frames that are not from the other end, which hears nothing any more.
 *
 * @returns What they were refused for.
 */
async function fuzz(role: "server" | "client", frames: readonly Uint8Array[]): Promise<unknown[]> {
  const pair = await converse({ deafened: role });
  const { peer, faults, failures } = pair[role];
  for (const frame of frames) {
    peer.receive(frame);
    assertLess(peer.held, MOST_HELD, "bytes held");
    await pair.clock.settleFor(2); // what was asked for is under way when the next comes
  }
  await pair.clock.settleFor(6);
  assertLess(peer.held, MOST_HELD, "bytes held when it rests");
  assertEquals(faults.filter(({ code }) => code === 1011).map(({ cause }) => cause), [], "faults of its own");
  assertEquals(failures, [], "errors of handlers");
  await end(pair);
  return faults;
}

async function end(pair: Awaited<ReturnType<typeof converse>>): Promise<void> {
  pair.cut();
  await pair.clock.settle();
  assertEquals({ server: gauges(pair.server), client: gauges(pair.client) }, {
    server: NOTHING,
    client: NOTHING,
  });
  assertEquals(pair.clock.pending, 0, "timers");
}
