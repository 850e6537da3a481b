// Publications as differences, as the server sends them: to whom, of what, and when whole ones come instead.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { DELTA, DeltaFixture, NAME, other, state } from "./suites/delta_fixture.ts";

describe("a subscriber that takes differences", () => {
  it("is sent the first message whole, and then the difference to the one before", async () => {
    const fixture = new DeltaFixture();
    const line = await fixture.join();
    for (const n of [1, 2, 3]) await fixture.publish(state(n));
    assertEquals(fixture.took(line), [["whole", state(1)], ["delta", state(2)], ["delta", state(3)]]);
    assert(fixture.lastFrame(line).length < 40);
  });

  it("shares them with all others that do; who does not is sent what it always was", async () => {
    const fixture = new DeltaFixture();
    const lines = [await fixture.join(), await fixture.join(), await fixture.join(null)];
    const plain = [await fixture.join(null), await fixture.join({ delta: false })];
    for (const n of [1, 2]) await fixture.publish(state(n));
    assertEquals(lines.map((line) => fixture.how(line)), [
      ["whole", "delta"],
      ["whole", "delta"],
      ["whole", "whole"],
    ]);
    for (const line of plain) assertEquals(fixture.how(line), ["whole", "whole"]);
    assertEquals(fixture.lastFrame(lines[0]!), fixture.lastFrame(lines[1]!));
  });

  it("is sent those of one turn in one frame, each the difference to the one before", async () => {
    const fixture = new DeltaFixture();
    const line = await fixture.join();
    await fixture.publish(state(1));
    const before = line.pipe.frames.length;
    await fixture.publish(state(2), state(3), other(1), state(4), state(5));
    assertEquals(line.pipe.frames.length, before + 1);
    assertEquals(fixture.took(line), [
      ["whole", state(1)],
      ["delta", state(2)],
      ["delta", state(3)],
      ["whole", other(1)],
      ["whole", state(4)],
      ["delta", state(5)],
    ]);
  });

  it("that comes to a channel which is under way is sent the next one whole", async () => {
    const fixture = new DeltaFixture();
    const early = await fixture.join();
    await fixture.publish(state(1));
    const late = await fixture.join();
    for (const n of [2, 3]) await fixture.publish(state(n));
    assertEquals(fixture.how(early), ["whole", "delta", "delta"]);
    assertEquals(fixture.how(late), ["whole", "delta"]);
  });

  it("is sent whole ones while it catches up, and a difference to the last of them", async () => {
    const fixture = new DeltaFixture();
    await fixture.join(null); // what is published while nobody listens is not at hand
    await fixture.publish(state(1), state(2), state(3));
    const line = await fixture.join(DELTA, {}, fixture.position(1));
    await fixture.publish(state(4));
    assertEquals(fixture.took(line), [["whole", state(2)], ["whole", state(3)], ["delta", state(4)]]);
  });

  it("is sent a whole one after a reset", async () => {
    const fixture = new DeltaFixture();
    const line = await fixture.join();
    for (const n of [1, 2]) await fixture.publish(state(n));
    fixture.server.broker.streams.delete(NAME);
    fixture.server.broker.doubt(NAME);
    await fixture.server.settle();
    for (const n of [3, 4]) await fixture.publish(state(n));
    assertEquals(fixture.how(line), ["whole", "delta", "whole", "delta"]);
  });

  it("is sent a gap for what is over its limit though the difference is not, and the next one whole", async () => {
    const fixture = new DeltaFixture();
    const line = await fixture.join(DELTA, { limits: { message: 1_024 } });
    const [small, large] = [{ text: "x".repeat(900) }, { text: "x".repeat(1_200) }];
    await fixture.publish(small);
    await fixture.publish(large);
    await fixture.publish(small);
    await fixture.publish(small);
    assertEquals(fixture.how(line), ["whole", "whole", "delta"]);
    assertEquals(line.takeOf(Kind.GAP).map(([, , from, to]) => [from, to]), [[2, 2]]);
  });

  it("is sent what was small, or does not pay, whole", async () => {
    const fixture = new DeltaFixture();
    const line = await fixture.join();
    for (const message of ["a", "a", "x".repeat(61), "x".repeat(61), "x".repeat(62), "x".repeat(62)]) {
      await fixture.publish(message);
    }
    assertEquals(fixture.how(line), ["whole", "whole", "whole", "whole", "delta", "delta"]);
    for (const n of [1, 2]) await fixture.publish(other(n));
    assertEquals(fixture.how(line), ["whole", "whole"]);
    const whole = await fixture.join(null);
    await fixture.publish(other(3));
    assertStrictEquals(fixture.lastFrame(line).length, fixture.lastFrame(whole).length);
  });
});

describe("a feed whose differences do not pay", () => {
  it("is tried ever more seldom, and at once again when one has paid", async () => {
    const fixture = new DeltaFixture();
    const line = await fixture.join();
    let n = 0;
    const feed = async (count: number, make: (n: number) => unknown): Promise<string> => {
      for (let i = 0; i < count; i++) await fixture.publish(make(++n));
      return fixture.how(line).map(([letter]) => letter).join("");
    };
    assertEquals(await feed(5, other), "wwwww"); // four tries
    // Sixteen are not tried, then one is: the first of the states whose base is one, too.
    assertEquals(await feed(19, state), "w".repeat(16) + "ddd");
    assertEquals(await feed(4, other), "wwww");
    assertEquals(await feed(17, state), "w".repeat(16) + "d");
  });
});
