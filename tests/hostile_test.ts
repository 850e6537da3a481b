// Hostile input over real sockets: every row of the table against a server of the runtime that runs this, which has to
// go on serving honest clients and to forget everything about the others.
import { assert, assertEquals, assertLess } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import process from "node:process";
import { repeated, unhex } from "./suites/hostile_frames.ts";
import { attacksOf, ROWS } from "./suites/hostile_table.ts";
import { type Attack, attack } from "./suites/hostile_target.ts";
import { HostileServer, WireTarget } from "./suites/hostile_wire.ts";

/** Milliseconds that one attack may take, the machine being busy. */
const PATIENCE = 10_000;
const MIB = 2 ** 20;
/**
 * What may be resident at any moment beyond what was before the first attack. The attackers live in this process too, and
 * hand over frames of 1 MiB; a decoder that trusts a count takes 229 MB for five bytes.
 */
const MOST_AT_ONCE = 256 * MIB;
/**
 * What may live beyond that when all is over, garbage collected. 8 to 11 MiB were seen, and 1 MiB more after the whole table a second
 * time: compiled code, and the servers with limits of their own. 8 KiB kept for each attack would be over it.
 */
const MOST_ALIVE = 16 * MIB;
/**
 * What rows with large frames and floods may add to the resident pages when they come again. At first they fill what
 * allocators keep for later (V8's heap alone grows by 50 MiB that it does not give back, Deno keeps buffers as large as the
 * largest frame, Bun has taken 73 MiB in the second round); a leak goes on, in each of the rounds.
 */
const MOST_AGAIN = 64 * MIB;
const ROUNDS = 3;
const AGAIN: readonly string[] = ["C1", "C4", "C15", "D4", "D6"];

/** What most attacks ask for. */
const PLAIN: Pick<Attack, "limits" | "unanswered"> = {};

const { Bun, gc } = globalThis as { readonly Bun?: { gc(full: boolean): void }; readonly gc?: () => void };

/** Bytes that live, and that are resident, after a forced collection where there is one. */
function memory(): { alive: number; resident: number } {
  if (Bun !== undefined) Bun.gc(true);
  else gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { alive: heapUsed + external, resident: rss };
}

describe("hostile input over a socket", () => {
  const servers = new Map<string, HostileServer>();
  let before: ReturnType<typeof memory> | undefined;
  let most = 0;

  /** One server for all attacks with the same limits: each finds what others have left. */
  async function serverFor(
    { limits = {}, unanswered = false }: Pick<Attack, "limits" | "unanswered">,
  ): Promise<HostileServer> {
    const key = JSON.stringify([limits, unanswered]);
    const server = servers.get(key) ?? await HostileServer.start({ limits, unanswered });
    servers.set(key, server);
    return server;
  }

  async function survives(one: Attack): Promise<void> {
    const server = await serverFor(one);
    const target = await WireTarget.open(server);
    const started = performance.now();
    try {
      await inTime(attack(target, one));
    } finally {
      await target.end();
    }
    assertEquals(server.reports.length, one.reports ?? 0, "errors told to the program");
    most = Math.max(most, process.memoryUsage.rss());
    assert(performance.now() - started < PATIENCE, `it took ${performance.now() - started} ms`);
  }

  afterAll(async () => {
    for (const { server } of servers.values()) await server.stop();
  });

  /** Makes all attacks of a row, and gives what was not as expected. */
  async function failuresOf(row: string): Promise<string[]> {
    const failed: string[] = [];
    for (const one of attacksOf(row)) {
      if (!one.exact) await survives(one).catch((error) => failed.push(`${one.name}: ${error.message}`));
    }
    return failed;
  }

  for (const row of ROWS) {
    it(`row ${row}`, async () => {
      const honest = await serverFor(PLAIN);
      await honest.assertServes();
      before ??= memory();
      assertEquals(await failuresOf(row), []);
      await honest.assertServes();
    });
  }

  it("by POST is refused in the same way", async () => {
    const { server } = await serverFor(PLAIN);
    const type = { "content-type": "application/msgpack" };
    const answered = async (name: string, body?: Uint8Array) => {
      const response = await server.post(name, body?.slice(), type);
      return [response.status, new TextDecoder().decode(await response.arrayBuffer())];
    };
    const [status, missing] = await answered("missing");
    assertEquals(status, 404);
    for (const name of ["hidden", "constructor", "__proto__", "toString", "add.call"]) {
      assertEquals([name, ...await answered(name)], [name, 404, missing]);
    }
    const bad = [
      unhex("ddffffffff"),
      unhex("81a95f5f70726f746f5f5fc0"),
      unhex("a2fffe"),
      repeated([0x91], 50_000),
    ];
    for (const bytes of bad) assertEquals((await answered("echo", bytes))[0], 400);
  });

  it("takes bounded memory, and gives it back", async () => {
    const grown: number[] = [];
    let last = memory();
    while (grown.length < ROUNDS && !(grown.at(-1)! < MOST_AGAIN)) {
      for (const row of AGAIN) assertEquals(await failuresOf(row), []);
      const now = memory();
      grown.push(now.resident - last.resident);
      last = now;
    }
    assertLess(most - before!.resident, MOST_AT_ONCE, "bytes at once");
    assertLess(last.alive - before!.alive, MOST_ALIVE, "bytes alive");
    assertLess(grown.at(-1)!, MOST_AGAIN, `bytes more in the last of these rounds: ${grown}`);
  });
});

/** Rejects when it takes too long: a server that neither answers nor closes must not stop the others. */
async function inTime(attacked: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("neither answered nor closed")), PATIENCE);
  try {
    await Promise.race([attacked, promise]);
  } finally {
    clearTimeout(timer);
  }
}
