import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { procedureBuilder } from "../rpc/builder.ts";
import { z } from "zod";
import { pair } from "./suites/pair.ts";

const procedure = procedureBuilder([]);

describe("core", () => {
  it("answers a call of each shape", async () => {
    const p = await pair({
      procedures: {
        add: procedure({ input: z.unknown() }, (input) => (input as { a: number }).a + 1),
        down: procedure.stream({}, async function* () {
          for (let i = 0; i < 2000; i++) yield i;
        }),
        big: procedure({ input: z.unknown() }, (input) => input),
        bytes: procedure({ input: z.unknown() }, (input) => input),
      },
    });
    const c = p.call("add", { a: 1 });
    await p.clock.settle();
    assertEquals(p.server.failures, []);
    assertEquals(await c, 2);
    const s = p.call("down");
    const got: unknown[] = [];
    const done = (async () => {
      for await (const n of s) got.push(n);
    })();
    await p.clock.settle();
    await done;
    assertEquals(got.length, 2000);
    const b = p.call("big", { x: "y".repeat(300_000) });
    await p.clock.settle();
    assertEquals(((await b) as { x: string }).x.length, 300_000);
    const stream = new ReadableStream<Uint8Array>({
      start(c) {
        for (let i = 0; i < 50; i++) c.enqueue(new Uint8Array(10_000).fill(i));
        c.close();
      },
    });
    const e = p.call("bytes", stream);
    await p.clock.settle();
    const back = await e as ReadableStream<Uint8Array>;
    let n = 0;
    const reader = back.getReader();
    const read = (async () => {
      for (let r = await reader.read(); !r.done; r = await reader.read()) n += r.value.length;
    })();
    await p.clock.settle();
    await read;
    assertEquals(n, 500_000);
    assertEquals([p.server.faults, p.client.faults], [[], []]);
    assertEquals([
      p.server.peer.held,
      p.client.peer.held,
      p.server.peer.streams.open,
      p.client.peer.streams.open,
    ], [0, 0, 0, 0]);
    assertEquals(p.clock.pending, 0);
  });
});
