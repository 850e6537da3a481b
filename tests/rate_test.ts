// How much one peer may do: so much a second, twice that at once.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isTooMuch, UNUSED, use } from "../rpc/rate.ts";

/** Somebody who uses a rate, as its owners do. */
class User {
  #usedUp = UNUSED;
  readonly #perSecond: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Returns whether that was allowed. */
  use(count: number, now: number): boolean {
    this.#usedUp = use(this.#usedUp, count, this.#perSecond, now);
    return !isTooMuch(this.#usedUp, now);
  }
}

describe("a rate", () => {
  for (const perSecond of [1, 3, 7, 10_000, 64 * 1024 * 1024]) {
    it(`of ${perSecond} a second allows twice that at once, and no more`, () => {
      for (const now of [-1e9, 0, 0.1, 1_234.567, 4e9 + 1 / 3]) {
        const step = Math.max(1, perSecond / 1_000);
        const user = new User(perSecond);
        for (let i = 0; i < 2 * perSecond / step; i++) assertEquals(user.use(step, now), true);
        assertEquals(user.use(step, now), false);
      }
    });
  }

  it("allows one each time that one has become due, for ever", () => {
    const user = new User(3);
    for (let i = 0; i < 6; i++) user.use(1, 0);
    for (let i = 1; i < 10_000; i++) assertEquals(user.use(1, i * 1_000 / 3), true, `${i}`);
    assertEquals(user.use(1, 9_999 * 1_000 / 3), false);
  });

  it("keeps no more than two seconds for who has done nothing for long", () => {
    const user = new User(10);
    user.use(20, 0);
    assertEquals([user.use(20, 1e7), user.use(1, 1e7)], [true, false]);
  });

  it("has what is too much owed, so that who goes on gets nothing", () => {
    const user = new User(10);
    assertEquals([user.use(60, 0), user.use(1, 3_900), user.use(1, 4_201)], [false, false, true]);
  });

  it("takes back", () => {
    const user = new User(1);
    assertEquals([user.use(2, 0), user.use(-1, 0), user.use(1, 0), user.use(1, 0)], [
      true,
      true,
      true,
      false,
    ]);
  });

  it("without end allows everything", () => {
    assertEquals(new User(Infinity).use(1e9, 0), true);
  });
});
