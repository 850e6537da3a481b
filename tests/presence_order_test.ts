// What is told of presence in another order than it happened, or not at all: Phoenix#2255, #2763 and phoenix_pubsub#74, #111, #175.
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Presences } from "../client/presences.ts";
import type { PresenceView } from "../client/presence_types.ts";
import type { WirePresence } from "../client/wire_presence.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { encodeMessage } from "../rpc/message_data.ts";
import { ManualClock } from "./suites/manual_clock.ts";

const of = (...ids: string[]) => ids.map((id) => [id, id, encodeMessage(id)]);
const whole = (version: number, ids: string[], rest = {}) => ({
  epoch: "E",
  version,
  count: ids.length,
  members: of(...ids),
  ...rest,
});
const change = (
  from: number,
  version: number,
  { set = [] as string[], gone = [] as string[], count = 1 },
) => ({
  epoch: "E",
  from,
  version,
  count,
  set: of(...set),
  gone,
});

/** A watch, and what it asks for on a connection that a test answers. */
function start() {
  const errors: unknown[] = [];
  const presences = new Presences({
    clock: new ManualClock(),
    limits: DEFAULT_LIMITS,
    call: () => Promise.resolve(),
    report: (error) => void errors.push(error),
  });
  const asked: unknown[] = [];
  let wire: WirePresence | undefined;
  const connect = () =>
    presences.connected({
      askPresence: (of, options) => (wire = of, asked.push(options ?? "whole")),
      giveUpPresence: () => {},
      bindPresence: () => {},
      unbindPresence: () => {},
    });
  connect();
  const shown: string[] = [];
  presences.watch("board/7", [{}, ({ members }: PresenceView<unknown>) => {
    shown.push(members.map(({ id }) => id).join());
  }]);
  return {
    shown,
    errors,
    presences,
    asked: () => asked.splice(0),
    watched: (told: Record<string, unknown>) => wire!.watched(1, told),
    told: (told: Record<string, unknown>) => wire!.told(told),
    reconnect: () => {
      presences.disconnected();
      connect();
    },
  };
}

describe("a difference of presence", () => {
  it("that comes before the whole shows nobody, and the whole is asked for again", () => {
    const { shown, asked, watched, told } = start();
    assertEquals(asked(), ["whole"]);
    told(change(2, 3, { set: ["ada"] }));
    assertEquals([shown, asked()], [[], ["whole"]]);
    watched(whole(3, ["ada", "bob"]));
    assertEquals(shown, ["ada,bob"]);
  });

  it("that does not join is not applied: what is between is asked for, with those who left in it", () => {
    const { shown, asked, watched, told } = start();
    watched(whole(3, ["ada", "bob"]));
    asked();
    told(change(5, 6, { set: ["cy"], count: 2 }));
    assertEquals([shown, asked()], [["ada,bob"], [{ position: ["E", 3] }]]);
    watched(change(3, 6, { set: ["cy"], gone: ["bob"], count: 2 }));
    assertEquals(shown, ["ada,bob", "ada,cy"]);
  });

  it("of another epoch is not applied, and one that is late takes nothing back", () => {
    const { shown, asked, watched, told } = start();
    watched(whole(3, ["ada"]));
    asked();
    told(change(2, 3, { gone: ["ada"], count: 0 }));
    assertEquals([new Set(shown), asked()], [new Set(["ada"]), []]);
    told({ ...change(3, 4, { gone: ["ada"], count: 0 }), epoch: "F" });
    assertEquals([new Set(shown), asked()], [new Set(["ada"]), [{ position: ["E", 3] }]]);
  });
});

describe("presence on the next connection", () => {
  it("has nothing of a whole that was told in part", () => {
    const { shown, asked, watched, reconnect } = start();
    watched(whole(3, ["ada"], { more: true }));
    reconnect();
    assertEquals(asked(), ["whole", "whole"]);
    watched(whole(4, ["bob"]));
    assertEquals(shown, ["bob"]);
  });

  it("goes on from what is known, and is asked for anew where what comes joins nothing", () => {
    const { shown, asked, watched, told, reconnect } = start();
    watched(whole(3, ["ada"]));
    reconnect();
    assertEquals(asked(), ["whole", { position: ["E", 3] }]);
    told(change(7, 8, { set: ["cy"], count: 2 }));
    assertEquals([shown, asked()], [["ada"], [{ position: ["E", 3] }]]);
    watched(whole(8, ["bob", "cy"]));
    assertEquals(shown, ["ada", "bob,cy"]);
  });
});

describe("a watch of presence", () => {
  it("whose signal is none is refused, and leaves nothing behind", () => {
    const { presences, asked } = start();
    assertEquals(asked(), ["whole"]);
    assertThrows(
      () => presences.watch("board/8", [{ signal: {} as AbortSignal }]),
      TypeError,
      "no AbortSignal",
    );
    assertEquals(asked(), []);
    presences.watch("board/8", [{}]); // a channel that had stayed would be asked for in the next line, twice
    presences.watch("board/8", [{ signal: AbortSignal.abort() }]).close();
    assertEquals(asked(), ["whole"]);
  });

  it("reports what its handler's promise, or whatever has a then, is rejected with", async () => {
    const { presences, watched, errors } = start();
    const thenable = { then: (_: unknown, fail: (error: unknown) => void) => fail("later") };
    for (const given of [thenable, Promise.reject("sooner")]) {
      presences.watch("board/7", [{}, () => given as never]);
    }
    watched(whole(1, ["ada"]));
    for (let i = 0; i < 5; i++) await Promise.resolve();
    assertEquals(errors.sort(), ["later", "sooner"]);
  });
});
