// Who has most loses first: against a list that is searched whole each time.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Shares } from "../rpc/shares.ts";
import { Random } from "../testing/random.ts";

interface Entry {
  readonly member: number;
  readonly owner: string;
  weight: number;
}

/** The same, searched. */
class Searched {
  readonly entries: Entry[] = [];

  set(member: number, owner: string, weight: number): void {
    const entry = this.entries.find((one) => one.member === member);
    if (entry === undefined) this.entries.push({ member, owner, weight });
    else entry.weight = weight;
  }

  delete(member: number): void {
    const at = this.entries.findIndex((one) => one.member === member);
    if (at >= 0) this.entries.splice(at, 1);
  }

  get total(): number {
    return this.entries.reduce((sum, { weight }) => sum + weight, 0);
  }

  get next(): number | undefined {
    const weights = new Map<string, number>();
    for (const { owner, weight } of this.entries) weights.set(owner, (weights.get(owner) ?? 0) + weight);
    const most = Math.max(...weights.values());
    return this.entries.find(({ owner }) => weights.get(owner) === most)?.member;
  }
}

describe("what all share", () => {
  for (const seed of [1, 2, 3]) {
    it(`is lost by who has most of it, the oldest first: seed ${seed}`, () => {
      const random = new Random(seed);
      const [shares, searched] = [new Shares<number>(), new Searched()];
      for (let step = 0; step < 5_000; step++) {
        const member = random.below(60);
        if (random.chance(0.4)) {
          const goes = random.chance(0.5) ? member : shares.next ?? 0;
          shares.delete(goes);
          searched.delete(goes);
        } else {
          const [owner, weight] = [`${member % 1 + random.below(12)}`, random.below(4)];
          shares.set(member, owner, weight);
          searched.set(member, owner, weight);
        }
        assertEquals([shares.next, shares.total, shares.size], [
          searched.next,
          searched.total,
          searched.entries.length,
        ], `step ${step}`);
      }
      while (shares.next !== undefined) shares.delete(shares.next);
      assertEquals([shares.size, shares.total], [0, 0]);
    });
  }
});
