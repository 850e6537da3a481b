// Publications as differences for who does not want everything: of what passes a filter, and of what a policy has left.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import type { Line } from "./suites/channel_node.ts";
import { DELTA, DeltaFixture, NAME, other, state } from "./suites/delta_fixture.ts";

const RED = { ...DELTA, filter: { team: "red" } };
const BLUE = { ...DELTA, filter: { team: "blue" } };
const LATEST = { ...DELTA, policy: { latest: true } };
const BY_TEAM = { ...DELTA, policy: { latest: ["team"] } };
const SAMPLE = { ...DELTA, policy: { sample: 10 } };
const OLDEST = { ...DELTA, policy: "drop oldest" };

const RESET = 2;

/** A state of a team: those of two have little in common. `R` and `b`: red ones pass. */
function of(letter: string, n: number, size = 1): object {
  const isRed = letter === "R";
  return { team: isRed ? "red" : "blue", n, text: (isRed ? other(1) : other(2)).repeat(size) };
}

class Fixture extends DeltaFixture {
  #n = 0;

  /** States of these teams, in one turn. */
  async states(letters: string, size = 1): Promise<void> {
    await this.publish(...[...letters].map((letter) => of(letter, ++this.#n, size)));
  }

  /** States of these teams, in a turn each. */
  async turns(letters: string): Promise<void> {
    for (const letter of letters) await this.states(letter);
  }

  /** Its socket takes nothing more, and a large one is on its way, of which no difference is tried. */
  async stall(line: Line): Promise<void> {
    line.pipe.stall();
    await this.states("R", 1_000);
  }

  /** What has come, without what was skipped. */
  given(line: Line): string[] {
    return this.told(line).filter((one) => one[0] !== ">");
  }
}

describe("a filter and differences", () => {
  it("are given what passes as the difference to the last that did, whatever lies between", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    await fixture.turns("RRbRbbRbR");
    assertEquals(fixture.told(line), ["w1", "d2", ">3", "d4", ">6", "d7", ">8", "d9"]);
    assert(fixture.lastFrame(line).length < 60);
  });

  it("have those of one turn in one frame, with what is skipped between them", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    await fixture.turns("Rb");
    const before = line.pipe.frames.length;
    await fixture.states("bRRbbRb");
    assertEquals(line.pipe.frames.length, before + 1);
    assertEquals(fixture.told(line), ["w1", ">2", ">3", "d4", "d5", ">7", "d8"]);
    await fixture.states("bR");
    assertEquals(fixture.told(line), [">10", "d11"]);
  });

  it("are one encoding for all who have the same, and who takes none is sent what it always was", async () => {
    const fixture = new Fixture();
    const lines = [await fixture.join(RED), await fixture.join(RED)];
    const whole = await fixture.join({ filter: RED.filter });
    const all = await fixture.join();
    await fixture.turns("RbRbR");
    for (const line of lines) assertEquals(fixture.told(line), ["w1", ">2", "d3", ">4", "d5"]);
    assertEquals(fixture.told(whole), ["w1", ">2", "w3", ">4", "w5"]);
    assertEquals(fixture.told(all), ["w1", "w2", "w3", "w4", "w5"]);
    assertEquals(fixture.lastFrame(lines[0]!), fixture.lastFrame(lines[1]!));
  });

  it("have a base for each filter on a channel", async () => {
    const fixture = new Fixture();
    const [red, blue] = [await fixture.join(RED), await fixture.join(BLUE)];
    const both = await fixture.join({ ...DELTA, filter: { team: { in: ["red", "blue"] } } });
    await fixture.turns("RbRRb");
    await fixture.states("bRb");
    assertEquals(fixture.told(red), ["w1", ">2", "d3", "d4", ">6", "d7"]);
    assertEquals(fixture.told(blue), [">1", "w2", ">4", "d5", "d6", ">7", "d8"]);
    assertEquals(fixture.told(both), ["w1", "w2", "w3", "d4", "w5", "d6", "w7", "w8"]);
  });

  it("begin with a whole one for who comes later, and for nobody else", async () => {
    const fixture = new Fixture();
    const early = await fixture.join(RED);
    await fixture.turns("Rb");
    const late = await fixture.join(RED);
    await fixture.turns("bRbR");
    assertEquals(fixture.told(early), ["w1", ">2", ">3", "d4", ">5", "d6"]);
    assertEquals(fixture.told(late), [">3", "w4", ">5", "d6"]);
  });

  it("go on from the history, which is whole", async () => {
    const fixture = new Fixture();
    const early = await fixture.join(RED);
    await fixture.turns("RRbRb");
    const line = await fixture.join(RED, {}, fixture.position(1));
    const rewound = await fixture.join({ ...RED, rewind: 3 });
    const atTop = await fixture.join(RED, {}, fixture.position(5));
    await fixture.turns("bRR");
    assertEquals(fixture.told(early), ["w1", "d2", ">3", "d4", ">5", ">6", "d7", "d8"]);
    assertEquals(fixture.told(line), ["w2", ">3", "w4", ">5", ">6", "d7", "d8"]);
    assertEquals(fixture.told(rewound), [">3", "w4", ">5", ">6", "d7", "d8"]);
    assertEquals(fixture.told(atTop), [">6", "w7", "d8"]);
  });

  it("of a place where the last that passed was not the last that was given: whole", async () => {
    const fixture = new Fixture();
    await fixture.join(null);
    await fixture.join(RED);
    await fixture.turns("R");
    const line = await fixture.join(RED, {}, [...fixture.position(0).slice(0, 1), 0, 0]);
    assertEquals(fixture.told(line), ["w1"]);
    await fixture.turns("bR");
    assertEquals(fixture.told(line), [">2", "d3"]);
  });

  it("have no base after a reset", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    await fixture.turns("RbR");
    assertEquals(fixture.told(line), ["w1", ">2", "d3"]);
    fixture.server.broker.streams.delete(NAME);
    fixture.server.broker.doubt(NAME);
    await fixture.server.settle();
    await fixture.turns("RbR");
    assertEquals(fixture.given(line), ["w1", "d3"]);
  });

  it("have no base of the stream before, though the next one has a message at its place", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    await fixture.turns("RRR");
    assertEquals(fixture.told(line), ["w1", "d2", "d3"]);
    const { broker } = fixture.server;
    broker.streams.delete(NAME);
    broker.isDeaf = true;
    await fixture.publish(...[1, 2, 3].map((n) => ({ team: "red", n, text: other(n + 10) })));
    broker.isDeaf = false;
    broker.doubt(NAME);
    await fixture.server.settle();
    const late = await fixture.join({ ...RED, rewind: 3 });
    await fixture.turns("RR");
    assertEquals(fixture.told(late), ["w1", "w2", "w3", "w4", "d5"]);
    assertEquals(fixture.told(line), ["w4", "d5"]);
  });

  it("have no base after a reset in the same stream, though it was sent what the others were", async () => {
    const fixture = new Fixture();
    const [line, quick] = [await fixture.join(RED), await fixture.join(RED)];
    await fixture.turns("RR");
    for (const one of [line, quick]) assertEquals(fixture.told(one), ["w1", "d2"]);
    await line.joined("board/8");
    line.pipe.stall();
    fixture.server.broker.add("board/8", encode(new Uint8Array(300_000)));
    await fixture.server.settle();
    fixture.server.broker.keeps = 20;
    for (let i = 0; i < 100; i++) await fixture.states("b");
    line.pipe.resume();
    await fixture.server.settle();
    await fixture.server.clock.advance(2_000);
    await fixture.turns("RR");
    assertEquals(fixture.given(quick), ["d103", "d104"]);
    const joined = line.takeOf(Kind.SUBSCRIBED).map(([, sub, , status]) => [sub, status]);
    assertEquals([joined.at(-1), fixture.given(line)], [[1, RESET], ["w103", "d104"]]);
  });

  it("are whole after a gap for what is over the limit of one, and as before for another", async () => {
    const fixture = new Fixture();
    const small = await fixture.join(RED, { limits: { message: 1_024 } });
    const large = await fixture.join(RED);
    for (const size of [1, 4, 4, 1, 1]) await fixture.states("bR", size);
    assertEquals(fixture.told(small), [">1", "w2", ">3", "4-4t", ">5", "6-6t", ">7", "w8", ">9", "d10"]);
    assertEquals(fixture.told(large), [">1", "w2", ">3", "d4", ">5", "d6", ">7", "d8", ">9", "d10"]);
  });

  it("of one that falls behind and comes back alone: one whole message, and the same values", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    await fixture.turns("RbR");
    await fixture.stall(line);
    await fixture.turns("bRRb");
    const came = await fixture.resume(line);
    assertEquals(came, ["w1", ">2", "d3", "w4", ">5", "w6", "w7", ">8"]);
    await fixture.turns("RbR");
    assertEquals(fixture.given(line), ["w9", "d11"]);
  });

  it("of one that falls behind while others do not: it goes on with them", async () => {
    const fixture = new Fixture();
    const [line, quick] = [await fixture.join(RED), await fixture.join(RED)];
    await fixture.turns("RbR");
    await fixture.stall(line);
    await fixture.turns("bRRb");
    await fixture.resume(line);
    await fixture.turns("RbR");
    assertEquals(fixture.given(line), ["d9", "d11"]);
    assertEquals(fixture.given(quick), ["w1", "d3", "w4", "w6", "d7", "d9", "d11"]);
  });

  it("hold no more than 64 KiB for what comes next", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    for (const size of [200, 200, 240, 240, 200, 200]) await fixture.states("bR", size);
    assertEquals(fixture.given(line), ["w2", "d4", "d6", "w8", "w10", "d12"]);
  });

  it("that do not pay are tried ever more seldom, and sent as they are to who takes none", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(RED);
    const whole = await fixture.join({ filter: RED.filter });
    const feed = (n: number) => fixture.publish({ team: "red", text: other(n) }, { team: "blue" });
    for (let n = 0; n < 8; n++) await feed(n);
    assertEquals(new Set(fixture.how(line)), new Set(["whole"]));
    assertStrictEquals(fixture.lastFrame(line).length, fixture.lastFrame(whole).length);
    for (let n = 0; n < 14; n++) await fixture.states("R");
    assertEquals(fixture.how(line).map(([letter]) => letter).join(""), "w".repeat(13) + "d");
  });
});

describe("a policy and differences", () => {
  it("are differences to the one before, for who is quick", async () => {
    for (const options of [LATEST, BY_TEAM, OLDEST]) {
      const fixture = new Fixture();
      const line = await fixture.join(options);
      await fixture.turns("RRR");
      await fixture.states("RRb");
      assertEquals(fixture.told(line), ["w1", "d2", "d3", "d4", "d5", "w6"], JSON.stringify(options));
    }
  });

  it("are differences to the last that was given, behind each gap of a sample", async () => {
    const fixture = new Fixture();
    const [line, twin] = [await fixture.join(SAMPLE), await fixture.join(SAMPLE)];
    await fixture.turns("R");
    for (let i = 0; i < 3; i++) {
      await fixture.turns("RRR");
      await fixture.server.clock.advance(100);
    }
    const told = ["w1", "2-3s", "d4", "5-6s", "d7", "8-9s", "d10"];
    assertEquals([fixture.told(line), fixture.told(twin)], [told, told]);
    assertEquals(fixture.lastFrame(line), fixture.lastFrame(twin));
  });

  it("are so for those of each key, one behind the other in one frame, with the gaps between them", async () => {
    const fixture = new Fixture();
    const line = await fixture.join({ ...DELTA, policy: { sample: 10, by: ["n"] } });
    await fixture.publish(state(1));
    for (const n of [1, 1, 2, 3, 2]) await fixture.publish(state(n)); // 2 to 6: of 1 the second, 3, the second of 2
    const before = line.pipe.frames.length;
    await fixture.server.clock.advance(100);
    assertEquals(line.pipe.frames.length, before + 1);
    assertEquals(fixture.told(line).join(" "), "w1 2-2s d3 4-4s d5 d6");
  });

  it("keep to a filter beside them", async () => {
    const fixture = new Fixture();
    const line = await fixture.join({ ...SAMPLE, filter: RED.filter });
    await fixture.turns("bR");
    await fixture.turns("bRbRb");
    await fixture.server.clock.advance(100);
    await fixture.turns("bbR");
    await fixture.server.clock.advance(100);
    assertEquals(fixture.told(line).join(" "), ">1 w2 3-5s d6 >9 d10");
  });

  it("of who falls behind is whole once more, and goes on with the others", async () => {
    for (const options of [LATEST, OLDEST]) {
      const fixture = new Fixture();
      const [line, quick] = [await fixture.join(options), await fixture.join(options)];
      await fixture.turns("R");
      await fixture.stall(line);
      const told = await fixture.resume(quick);
      for (let i = 0; i < 70; i++) {
        await fixture.turns("R");
        told.push(...await fixture.resume(quick));
      }
      const came = await fixture.resume(line);
      assertEquals(came.filter((one) => one[0] === "d"), [], JSON.stringify(options));
      assertEquals([came[0], came[1], came.at(-1)], ["w1", "w2", "w72"]);
      assertEquals(told.filter((one) => one[0] === "w"), ["w1", "w2", "w3"]);
      await fixture.turns("RR");
      assertEquals(fixture.told(line), ["d73", "d74"]);
    }
  });

  it("of one that is alone and falls behind goes on from the newest", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(LATEST);
    await fixture.turns("R");
    await fixture.stall(line);
    await fixture.turns("RRRR");
    assertEquals(await fixture.resume(line), ["w1", "w2", "3-5c", "w6"]);
    await fixture.turns("RR");
    assertEquals(fixture.told(line), ["d7", "d8"]);
  });

  it("have no base of the stream before", async () => {
    const fixture = new Fixture();
    const line = await fixture.join(SAMPLE);
    await fixture.turns("RR");
    await fixture.server.clock.advance(100);
    assertEquals(fixture.told(line), ["w1", "d2"]);
    await fixture.turns("R");
    fixture.server.broker.streams.delete(NAME);
    fixture.server.broker.doubt(NAME);
    await fixture.server.settle();
    await fixture.turns("RR");
    await fixture.server.clock.advance(100);
    await fixture.turns("R");
    await fixture.server.clock.advance(100);
    assertEquals(fixture.told(line), ["1-1s", "w2", "d3"]);
  });
});

describe("differences of all kinds at once", () => {
  it("always make what was published: a thousand turns of subscribers that come, stall, and go on", async () => {
    const fixture = new Fixture();
    let seed = 7;
    const chance = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 16) % below;
    };
    const all = [DELTA, RED, BLUE, LATEST, BY_TEAM, SAMPLE, OLDEST, { ...LATEST, filter: RED.filter }];
    const lines: Line[] = [];
    let told: string[] = [];
    for (let turn = 0; turn < 1_000; turn++) {
      const letters = Array.from({ length: 1 + chance(4) }, () => "RRb"[chance(3)]).join("");
      await fixture.states(letters, chance(20) === 0 ? 100 : 1);
      if (chance(4) === 0) await fixture.server.clock.advance(chance(300));
      const line = lines[chance(lines.length || 1)];
      if (line !== undefined && chance(4) === 0) line.pipe.stall();
      else if (line !== undefined) told = told.concat(await fixture.resume(line));
      if (lines.length < 40 && chance(10) === 0) {
        lines.push(
          await fixture.join(all[chance(all.length)]!, {}, chance(2) ? null : fixture.position(turn)),
        );
      }
    }
    const count = (letter: string) => told.filter((one) => one[0] === letter).length;
    assert(count("d") > 1_000 && count("w") > 200, `${count("d")} differences, ${count("w")} whole`);
    assert(lines.every((line) => line.closed === undefined || line.closed === 4503));
  });
});
