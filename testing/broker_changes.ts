/**
 * What holds for messages that change.
 *
 * @module
 */
import type { Appended, ChangeKind, Entry, Query } from "../rpc/broker.ts";
import { decodeMessage, encodeMessage } from "../rpc/message_data.ts";
import {
  type AppendOptions,
  type BrokerRule,
  type BrokerWorld,
  bytesOf,
  KEEP,
  refuses,
  same,
  textOf,
} from "./broker_kit.ts";

const MOST = 1_000;

/** A channel whose messages change, in the words of its messages. */
class Changeable {
  readonly #world: BrokerWorld;
  readonly name: string;

  constructor(world: BrokerWorld) {
    this.#world = world;
    this.name = world.name();
  }

  /** Publishes. */
  say(value: unknown, options: AppendOptions = {}): Promise<Appended> {
    return this.#world.appendBytes(this.name, encodeMessage(value), { by: "a", ...options });
  }

  /** Changes a message. */
  change(
    kind: ChangeKind,
    target: number,
    value?: unknown,
    { epoch, ...options }: AppendOptions & { readonly epoch?: string } = {},
  ): Promise<Appended> {
    return this.say(value, { ...options, change: { kind, target, epoch, most: MOST } });
  }

  /** Entries, in short. */
  async entries(query: Partial<Query> = {}): Promise<unknown[]> {
    return (await this.#world.read(this.name, { after: 0, ...query })).entries.map(short);
  }

  /** Messages as they are now. */
  async now(): Promise<unknown[]> {
    const { entries } = await this.#world.read(this.name, { after: 0, isNow: true });
    return entries.filter(({ change, by }) => change === undefined && by !== undefined).map((entry) => [
      entry.offset,
      entry.isGone ? "gone" : decodeMessage(entry.data),
      entry.version?.offset,
      entry.version?.by,
    ]);
  }
}

function short({ offset, data, change, by, isGone }: Entry): unknown[] {
  const value = isGone ? "gone" : decodeMessage(data);
  return change === undefined ? [offset, by, value] : [offset, by, change.kind, change.target, value];
}

/** The checks. */
export const changeRules: readonly BrokerRule[] = [
  {
    name: "changes are entries of their own, and a message is what they have made of it",
    async run(world) {
      const channel = new Changeable(world);
      await channel.say("a");
      await channel.say("b", { by: "c d%" });
      await channel.change("append", 1, "é", { by: "e" });
      await channel.change("edit", 2, { b: 2 });
      await channel.change("append", 1, "!".repeat(300));
      same(
        await channel.entries(),
        [[1, "a", "a"], [2, "c d%", "b"], [3, "e", "append", 1, "é"], [4, "a", "edit", 2, { b: 2 }], [
          5,
          "a",
          "append",
          1,
          "!".repeat(300),
        ]],
        "entries as they were appended",
      );
      same(await channel.now(), [[1, `aé${"!".repeat(300)}`, 5, "a"], [2, { b: 2 }, 4, "a"]], "messages");
      await channel.change("edit", 1, "new", { by: "x y" });
      await channel.change("append", 1, "er");
      same(await channel.now(), [[1, "newer", 7, "a"], [2, { b: 2 }, 4, "a"]], "messages");
      const before = await world.read(channel.name, { before: 2, isNow: true });
      same(before.entries.map(({ data }) => decodeMessage(data)), ["newer"], "a page downwards");
    },
  },
  {
    name: "bytes are joined as texts are",
    async run(world) {
      const channel = new Changeable(world);
      await channel.say(Uint8Array.of(1));
      await channel.change("append", 1, Uint8Array.of(2, 3));
      same(
        (await channel.now()).map((message) => [...(message as [0, Uint8Array])[1]]),
        [[1, 2, 3]],
        "bytes",
      );
    },
  },
  {
    name: "what a deleted message was made of is not there any more, and nothing else is lost",
    async run(world) {
      const channel = new Changeable(world);
      await channel.say("secret");
      await channel.say("other");
      await channel.change("append", 1, " more");
      await channel.change("edit", 1, "secret again");
      const { position } = await channel.change("delete", 1, undefined, { by: "b" });
      same(
        await channel.entries(),
        [[1, "a", "gone"], [2, "a", "other"], [3, "a", "append", 1, "gone"], [4, "a", "edit", 1, "gone"], [
          5,
          "b",
          "delete",
          1,
          undefined,
        ]],
        "entries",
      );
      same(await channel.now(), [[1, "gone", 5, "b"], [2, "other", undefined, undefined]], "messages");
      const { top, entries } = await world.read(channel.name, { after: 0 });
      same([top.offset, top.fingerprint], [5, position.fingerprint], "top");
      same(entries.slice(1).map((e) => e.previous), entries.slice(0, -1).map((e) => e.fingerprint), "chain");
      for (const kind of ["edit", "append", "delete"] as const) {
        await refuses("GONE", () => channel.change(kind, 1, "x"), kind);
      }
      same((await channel.say("next")).position.offset, 6, "the next one");
    },
  },
  {
    name: "a change that cannot be made is refused, and nothing is appended",
    async run(world) {
      const channel = new Changeable(world);
      const { position: { epoch } } = await channel.say("a");
      await channel.say({ no: "text" });
      await channel.change("edit", 1, "b");
      await world.append(channel.name, "plain");
      const refused = [[0, "no offset"], [3, "a change"], [4, "what was appended as unchangeable"], [
        5,
        "the next",
      ], [
        2 ** 50,
        "far above",
      ]] as const;
      for (const [target, what] of refused) {
        await refuses("MISSING", () => channel.change("edit", target, "x"), what);
      }
      await refuses(
        "MISSING",
        () => channel.change("delete", 1, "x", { epoch: "another-epoch-00" }),
        "epoch",
      );
      await refuses("WRONG_TYPE", () => channel.change("append", 2, "x"), "a text to an object");
      await refuses("WRONG_TYPE", () => channel.change("append", 1, Uint8Array.of(1)), "bytes to a text");
      await refuses("WRONG_TYPE", () => channel.change("append", 1, 7), "a number to a text");
      await refuses("TOO_LARGE", () => channel.change("append", 1, "x".repeat(MOST)), "a long piece");
      same((await world.read(channel.name)).top.offset, 4, "top");
      same((await channel.change("append", 1, "c", { epoch })).position.offset, 5, "one of this life");
      same((await channel.now())[0], [1, "bc", 5, "a"], "message");
    },
  },
  {
    name: "a change that is sent again lands once, whatever has become of its message",
    async run(world) {
      const channel = new Changeable(world);
      const as = (n: number) => ({ producer: { id: "p", n, low: 1 } });
      await channel.say("a", as(1));
      const piece = await channel.change("append", 1, "b", as(2));
      same(await channel.change("append", 1, "b", as(2)), { ...piece, duplicate: true }, "a piece");
      const deleted = await channel.change("delete", 1, undefined, as(3));
      same(
        await channel.change("delete", 1, undefined, as(3)),
        { ...deleted, duplicate: true },
        "a deletion",
      );
      same(await channel.change("append", 1, "b", as(2)), { ...piece, duplicate: true }, "a piece of it");
      await refuses("GONE", () => channel.change("delete", 1, undefined, as(4)), "another deletion");
      same((await channel.say("c", { producer: { id: "p", n: 5, low: 5 } })).position.offset, 4, "the next");
    },
  },
  {
    name: "a message lives as long as its own entry",
    async run(world) {
      const channel = new Changeable(world);
      const retention = { ...KEEP, messages: 3 };
      await channel.say("a", { retention });
      await channel.say("b", { retention });
      await channel.change("append", 1, "1", { retention });
      await channel.change("append", 2, "2", { retention });
      await refuses("MISSING", () => channel.change("edit", 1, "x", { retention }), "one that was trimmed");
      same(await channel.now(), [[2, "b2", 4, "a"]], "messages");
      await channel.change("append", 2, "3", { retention });
      same(await channel.entries(), [[3, "a", "append", 1, "1"], [4, "a", "append", 2, "2"], [
        5,
        "a",
        "append",
        2,
        "3",
      ]], "entries");
      const { top } = await world.read(channel.name);
      same(top.offset, 5, "top");
      const none = { ...KEEP, messages: 0 };
      same((await channel.say("c", { retention: none })).position.offset, 6, "where none are kept");
      await refuses("MISSING", () => channel.change("edit", 6, "x", { retention: none }), "there");
      await channel.say("d", { retention });
      await channel.change("append", 7, "!", { retention });
      same(await channel.now(), [[7, "d!", 8, "a"]], "messages again");
    },
  },
  {
    name: "who has seen nothing before gets the first piece of each message as the whole",
    async run(world) {
      const channel = new Changeable(world);
      for (const value of ["a", "b", "c"]) await channel.say(value);
      for (const piece of ["1", "2", "3"]) await channel.change("append", 1, piece);
      await channel.change("edit", 2, "B");
      for (const piece of ["4", "5"]) await channel.change("append", 2, piece);
      await channel.say("d");
      await channel.change("append", 10, "6");
      same(
        await channel.entries({ after: 4, since: 5 }),
        [
          [5, "a", "edit", 1, "a12"],
          [6, "a", "append", 1, "3"],
          [7, "a", "edit", 2, "B"],
          [8, "a", "append", 2, "4"],
          [9, "a", "append", 2, "5"],
          [10, "a", "d"],
          [11, "a", "append", 10, "6"],
        ],
        "entries",
      );
      same(
        (await channel.entries({ after: 7, since: 8 }))[0],
        [8, "a", "edit", 2, "B4"],
        "a later beginning",
      );
      same((await channel.entries({ after: 5, since: 5 }))[0], [6, "a", "append", 1, "3"], "a later page");
      same((await channel.entries({ after: 8, since: 8 }))[0], [9, "a", "append", 2, "5"], "one behind that");
      const all = await channel.entries({ after: 4, since: Number.MAX_SAFE_INTEGER });
      same(all.slice(0, 2), [[5, "a", "edit", 1, "a12"], [6, "a", "append", 1, "3"]], "from anywhere");
      await channel.change("delete", 1);
      same(
        (await channel.entries({ after: 4, since: 5 }))[0],
        [5, "a", "append", 1, "gone"],
        "of a deleted one",
      );
    },
  },
  {
    name: "changes are pushed as they are kept",
    async run(world) {
      const channel = new Changeable(world);
      const heard = await world.listen(channel.name);
      await channel.say("a b");
      await channel.change("append", 1, "c", { by: "d e" });
      await channel.change("edit", 1, "f");
      await channel.change("delete", 1);
      await heard.until(() => heard.entries.length >= 4, "4 entries");
      same(heard.entries.map(short), [
        [1, "a", "a b"],
        [2, "d e", "append", 1, "c"],
        [3, "a", "edit", 1, "f"],
        [
          4,
          "a",
          "delete",
          1,
          undefined,
        ],
      ], "pushed");
    },
  },
  {
    name: "reactions are kept with their message, for who knows those before",
    async run(world) {
      const channel = new Changeable(world);
      const react = (target: number, expects: number, text: string) =>
        channel.say(text, {
          change: { kind: "react", target, most: MOST, reactions: { expects, state: bytesOf(`${text} `) } },
        });
      const kept = async (withState?: boolean) => {
        const { entries } = await world.read(channel.name, { after: 0, isNow: true, withState });
        return entries.map(({ offset, reactions, version }) => {
          const { offset: at, summary, state } = reactions ?? {};
          return [offset, at, summary && decodeMessage(summary), state && textOf(state), version?.offset];
        }).filter(([, at]) => at !== undefined);
      };
      await channel.say("a");
      await channel.say("b");
      await refuses("STALE", () => react(1, 2, "x"), "where there are none");
      await react(1, 0, "one");
      await refuses("STALE", () => react(1, 0, "x"), "where there are some");
      await react(1, 3, "two");
      await react(2, 0, "other");
      same(
        await kept(),
        [[1, 4, "two", undefined, undefined], [2, 5, "other", undefined, undefined]],
        "kept",
      );
      same((await kept(true))[0], [1, 4, "two", "two ", undefined], "with what is kept beside");
      await channel.change("append", 1, "b");
      same(
        (await channel.now()).slice(0, 2),
        [[1, "ab", 6, "a"], [2, "b", undefined, undefined]],
        "messages",
      );
      same(
        (await channel.entries({ after: 2, since: 3 })).at(-1),
        [6, "a", "edit", 1, "ab"],
        "a piece after them",
      );
      await channel.change("delete", 1);
      same(await kept(true), [[2, 5, "other", "other ", undefined]], "after the deletion");
      same((await channel.entries()).slice(2, 4), [[3, "a", "react", 1, "gone"], [
        4,
        "a",
        "react",
        1,
        "gone",
      ]], "told");
      await refuses("GONE", () => react(1, 4, "x"), "of what was deleted");
      const retention = { ...KEEP, messages: 2 };
      await channel.say("c", { retention });
      await channel.say("d", { retention });
      await refuses("MISSING", () => react(2, 5, "x"), "of what was trimmed");
      await react(9, 0, "last");
      same(await kept(true), [[9, 10, "last", "last ", undefined]], "in the end");
    },
  },
  {
    name: "messages are the same when the broker goes down and comes back with what it had",
    needs: ["restart"],
    async run(world) {
      const channel = new Changeable(world);
      const { position: { epoch } } = await channel.say("a");
      await channel.change("append", 1, "b");
      await world.fixture.restart!();
      const page = await world.read(channel.name);
      if (page.epoch !== epoch || page.top.offset < 2) return; // it had nothing
      await channel.change("append", 1, "c");
      same(await channel.now(), [[1, "abc", 3, "a"]], "message");
    },
  },
];
