// How long a publication may have been on its way is told when it leaves, not when its call is made; and what is over among those that come again.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Publishing, type PublishingParts } from "../client/publishing.ts";
import { decode, encode } from "../msgpack/mod.ts";
import { CallError } from "../rpc/errors.ts";
import { ManualClock } from "./suites/manual_clock.ts";

function roomy(): PublishingParts["size"] {
  const most = { count: 8, bytes: 1_000 };
  return { count: 0, bytes: 0, most, sent: 0, mostSent: () => 8, waiting: new Set(), replaced: new Set() };
}

describe("the age of a publication", () => {
  it("is that of the moment in which its call is encoded", async () => {
    const clock = new ManualClock();
    const inputs: unknown[] = [];
    const fates: PromiseWithResolvers<unknown>[] = [];
    const publishing = new Publishing("news", {
      clock,
      call: (_name, input) => {
        inputs.push(input);
        const fate = Promise.withResolvers<unknown>();
        fates.push(fate);
        return fate.promise;
      },
      size: roomy(),
    });
    publishing.connected();
    const published = publishing.publish(new Uint8Array(1), {});
    await clock.advance(1_000);
    publishing.disconnected();
    fates[0]!.reject(new CallError("DISCONNECTED", undefined, { ambiguous: true }));
    await clock.settle();
    publishing.connected();
    const ageOf = () => ((decode(encode(inputs[1])) as unknown[])[3] as { age: number }).age;
    assertEquals([inputs.length, (inputs[0] as unknown[]).length, ageOf()], [2, 3, 1_000]);
    await clock.advance(500_000); // it waits for a socket that takes it
    assertEquals(ageOf(), 501_000);
    fates[1]!.resolve(["epoch", 1, 2, "memory"]);
    assertEquals((await published).offset, 1);
  });
});

describe("publications of which one in the middle is over", () => {
  it("come again without it in another session, which is told", async () => {
    const clock = new ManualClock();
    const sent: { n: number; low: number; fate: PromiseWithResolvers<unknown> }[] = [];
    const publishing = new Publishing("news", {
      clock,
      call: (_name, input) => {
        const [, n, , options] = decode(encode(input)) as [string, number, Uint8Array, unknown];
        const low = typeof options === "number"
          ? options
          : (options as { low?: number } | undefined)?.low ?? n;
        const fate = Promise.withResolvers<unknown>();
        sent.push({ n, low, fate });
        return fate.promise;
      },
      size: roomy(),
    });
    const told = () => sent.splice(0);
    const answer = (n: number) => [`epoch`.padEnd(16, "x"), n, 7, "memory"];
    publishing.connected();
    const all = [1, 2, 3].map(() => publishing.publish(new Uint8Array(1), {}));
    const first = told();
    first[1]!.fate.resolve(answer(2));
    await all[1];
    publishing.disconnected();
    for (const at of [0, 2]) {
      first[at]!.fate.reject(new CallError("DISCONNECTED", undefined, { ambiguous: true }));
    }
    await clock.settle();
    publishing.connected();
    const second = told();
    assertEquals(second.map(({ n, low }) => [n, low]), [[1, 1], [3, 1]]);
    second[0]!.fate.resolve(answer(1)); // the server waits for the second, which never comes
    await all[0];
    await clock.settle();
    assertEquals(told().map(({ n, low }) => [n, low]), [[3, 3]]);
  });
});
