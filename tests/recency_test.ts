// The two lists that the broker in memory is made of, against arrays.
import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { EntryRing } from "../brokers/entry_ring.ts";
import { Link, Recency } from "../brokers/recency.ts";
import type { Entry } from "../rpc/broker.ts";

class Item extends Link<Item> {
  readonly n: number;

  constructor(n: number) {
    super();
    this.n = n;
  }
}

function* itemsOf({ oldest }: Recency<Item>): Generator<number> {
  for (let item = oldest; item !== undefined; item = item.newer) yield item.n;
}

describe("Recency", () => {
  it("agrees with two arrays over any history", () => {
    const step = fc.tuple(fc.constantFrom("touch", "remove", "drop oldest"), fc.nat(1), fc.nat(7));
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const items = Array.from({ length: 8 }, (_, n) => new Item(n));
      const lists = [new Recency<Item>(), new Recency<Item>()];
      const models: number[][] = [[], []];
      for (const [what, which, n] of steps) {
        const [list, model, item] = [lists[which]!, models[which]!, items[n]!];
        if (what === "touch" && models[1 - which]!.includes(n)) continue; // one list at a time
        if (what === "touch") list.touch(item);
        else if (what === "remove") list.remove(item);
        else if (list.oldest !== undefined) list.remove(list.oldest);
        const at = what === "drop oldest" ? 0 : model.indexOf(n);
        if (at >= 0) model.splice(at, 1);
        if (what === "touch") model.push(n);
        for (const [i, other] of lists.entries()) {
          assertEquals([[...itemsOf(other)], other.size], [models[i], models[i]!.length]);
        }
      }
    }));
  });
});

describe("EntryRing", () => {
  it("agrees with an array over any history", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -40, max: 50 }), { maxLength: 50 }), (steps) => {
      const ring = new EntryRing();
      const model: Entry[] = [];
      let offset = 0;
      for (const count of steps) {
        for (let i = 0; i < count; i++) {
          const entry = {
            offset: ++offset,
            fingerprint: 0,
            previous: 0,
            at: 0,
            data: new Uint8Array(),
            room: 0,
          };
          ring.push(entry);
          model.push(entry);
        }
        for (let i = 0; i > count; i--) assertStrictEquals(ring.shift(), model.shift());
        assertEquals(ring.length, model.length);
        for (let i = -1; i <= model.length; i++) assertStrictEquals(ring.at(i), model[i]);
      }
    }));
  });
});
