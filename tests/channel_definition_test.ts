import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { defineChannel, isChannel } from "../rpc/channel_definition.ts";
import { serverProcedures } from "../rpc/contract.ts";

const message = z.string();
const make = (config: object) => defineChannel(config as Parameters<typeof defineChannel>[0]);

describe("defineChannel", () => {
  it("gives frozen data with the defaults filled in", () => {
    const channel = make({ message });
    assert(Object.isFrozen(channel) && Object.isFrozen(channel.history) && Object.isFrozen(channel.allow));
    assert(isChannel(channel));
    assertStrictEquals<unknown>(channel.message, message);
    assertEquals(channel.history, { messages: 1_000, ms: 300_000, metaMs: 600_000 });
    assertEquals(channel.allow, {
      subscribe: undefined,
      publish: undefined,
      signal: undefined,
      history: undefined,
      presence: undefined,
      members: undefined,
    });
  });

  it("has presence with bounds, filled in, and refuses those that are none", () => {
    assertEquals(make({ presence: "count" }).presence, { schema: undefined, members: 200, grace: 15_000 });
    const given = make({ presence: { data: message, members: 0, grace: 0.5 } }).presence;
    assertEquals(given, { schema: message, members: 0, grace: 500 } as never);
    for (const members of [-1, 1.5, 1_001, NaN]) {
      assertThrows(() => make({ presence: { data: "count", members } }), RangeError, "no number of members");
    }
    for (const grace of [-1, NaN, 3_601]) {
      assertThrows(() => make({ presence: { data: "count", grace } }), RangeError, "no number of seconds");
    }
  });

  it("keeps epoch and top at least as long as entries, and 10 minutes", () => {
    assertEquals(make({ message, history: { seconds: 3_600, messages: 0 } }).history, {
      messages: 0,
      ms: 3_600_000,
      metaMs: 3_600_000,
    });
    assertEquals(make({ message, history: { seconds: 0.0001 } }).history.ms, 1);
    assertEquals(make({ message, history: { seconds: Infinity } }).history.ms, Number.MAX_SAFE_INTEGER);
  });

  it("lets a rule hold for what has none of its own: publish and history as subscribe, signal as publish", () => {
    const subscribe = () => true;
    const publish = () => Promise.resolve(false);
    assertEquals(make({ message, allow: { subscribe } }).allow, {
      subscribe,
      publish: subscribe,
      signal: subscribe,
      history: subscribe,
      presence: subscribe,
      members: subscribe,
    });
    assertEquals(make({ message, allow: { subscribe, publish } }).allow, {
      subscribe,
      publish,
      signal: publish,
      history: subscribe,
      presence: subscribe,
      members: subscribe,
    });
    const { allow } = make({ message, allow: { subscribe, publish: true, history: false } });
    assertEquals([allow.publish, allow.signal, allow.history?.({})], [undefined, undefined, false]);
  });

  it("refuses what is no channel", () => {
    const refused: [unknown, string][] = [
      [undefined, "it has no options"],
      [{}, "it has neither messages nor signals nor presence"],
      [{ message: String }, "its message is no Standard Schema"],
      [{ signal: 7 }, "its signal is no Standard Schema"],
      [{ message, publish: true }, "its publish is no function"],
      [{ presence: 7 }, 'its presence is neither a Standard Schema nor "count"'],
      [{ presence: { data: 7 } }, 'the data of its presence is neither a Standard Schema nor "count"'],
      [{ presence: { data: "count", most: 7 } }, 'its presence has no option named "most"'],
      [{ message, onSubscribe: "x" }, "its onSubscribe is no function"],
      [{ message, onUnsubscribe: {} }, "its onUnsubscribe is no function"],
      [{ message, allow: { subscribe: "editors" } }, "its rule for subscribe is no function"],
      [{ message, allow: { subscribed: true } }, 'there is nothing to allow named "subscribed"'],
      [{ message, allow: { subscribe: null } }, "its rule for subscribe is no function"],
      [{ message, allow: { presence: true } }, "it has a rule for presence, and no presence"],
      [{ message, allow: { members: () => true } }, "it has a rule for members, and no presence"],
      [{ message, histroy: { messages: 5 } }, 'there is no option named "histroy"'],
      [{ message, onsubscribe: undefined }, 'there is no option named "onsubscribe"'],
      [{ message, history: { message: 5 } }, 'its history has no option named "message"'],
      [{ message, history: null }, "its history must be { messages, seconds }"],
      [{ message, history: 50 }, "its history must be { messages, seconds }"],
      [{ message, history: [50] }, "its history must be { messages, seconds }"],
      ...[() => false, () => true, false, true, null, "editors", []].map((allow): [unknown, string] => [
        { message, allow },
        "its allow must be { subscribe, publish, signal, history, presence, members }, a rule for each",
      ]),
    ];
    for (const [config, reason] of refused) {
      assertThrows(() => make(config as object), TypeError, `Cannot make a channel: ${reason}`);
    }
    for (const messages of [-1, 1.5, NaN, "7", Infinity]) {
      assertThrows(() => make({ message, history: { messages } }), RangeError, "is no number of messages");
    }
    for (const seconds of [0, -1, NaN, "x"]) {
      assertThrows(() => make({ message, history: { seconds } }), RangeError, "is no number of seconds");
    }
  });

  it("tells channels from everything else", () => {
    for (
      const other of [
        undefined,
        null,
        "channel",
        {},
        { "~millrace": "procedure" },
        Object.create(make({ message })),
      ]
    ) {
      assertEquals(isChannel(other), false);
    }
  });
});

describe("names with @", () => {
  it("are no procedures and no groups: they belong to the library", () => {
    for (const group of [{ "@publish": {} }, { "@x": { y: {} } }, { users: { "@x": {} } }]) {
      assertThrows(() => serverProcedures(group), TypeError, "names with @ belong to the library");
    }
  });
});
