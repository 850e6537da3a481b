// Reactions to messages: how they are counted, who is told of what, and that one that is sent again counts once.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, channel, define, millrace as millraceWith } from "../mod.ts";
import type { ValuesSummary } from "../rpc/interactions.ts";
import { type Reaction, ReactionState } from "../rpc/reaction_state.ts";
import { simulate } from "../testing/mod.ts";

const base = define<{ user: string }>();
const { millrace, procedure } = base.with({
  channels: {
    "room/:id": base.channel({
      message: z.string(),
      changes: true,
      reactions: { like: "total", flag: "distinct", vote: "unique", emoji: "multiple" },
      allow: { react: ({ user, message }) => user !== "troll" || message.isOwn },
    }),
    "only": base.channel({ message: z.string(), reactions: { like: "total" } }),
  },
});

const app = millrace({
  authenticate: ({ token }) => ({ user: token ?? "", ...token ? { subject: token } : {} }),
  procedures: {
    applaud: procedure({ input: z.number() }, async (target, { channel }) => {
      await channel("room/:id", { id: "1" }).react(target, "like");
      await channel("room/:id", { id: "1" }).react(target, "flag", "server");
    }),
  },
});

async function start(seed = 1) {
  const world = simulate(app, { seed });
  const room = (token: string) => world.connect({ token }).channel("room/:id", { id: "1" });
  const [ada, bob] = [room("ada"), room("bob")];
  const told: unknown[] = [];
  const watching = room("watcher").subscribe((event) => {
    told.push(event.type === "reactions" ? [event.position.offset, event.target, event.summary] : event.type);
  });
  await world.wait(watching.ready());
  const place = await world.wait(ada.publish("hello"));
  return { world, room, ada, bob, told, watching, place };
}

async function code(done: Promise<unknown>): Promise<unknown> {
  return (await assertRejects(() => done, CallError) as CallError).code;
}

describe("reactions", () => {
  it("are counted as their kind says, and everybody is given the summary, in events and in the history", async () => {
    const { world, room, ada, bob, told, watching, place } = await start();
    await using _ = world;
    for (const user of [ada, bob]) {
      await world.wait(user.react(place, "like"));
      await world.wait(user.react(place, "like"));
      for (const value of ["spam", "spam", "rude"]) await world.wait(user.react(place, "flag", value));
      for (const value of ["yes", "no"]) await world.wait(user.react(place, "vote", value));
      for (const value of ["🎉", "🎉"]) await world.wait(user.react(place, "emoji", value));
    }
    await world.wait(bob.unreact(place, "like"));
    await world.wait(bob.unreact(place, "flag", "rude"));
    await world.wait(bob.unreact(place, "emoji", "🎉"));
    const last = await world.wait(bob.unreact(place, "vote"));
    const summary = {
      like: { total: 3 },
      flag: {
        values: [{ value: "spam", total: 2, users: [{ user: "ada" }, { user: "bob" }] }, {
          value: "rude",
          total: 1,
          users: [{ user: "ada" }],
        }],
      },
      vote: { values: [{ value: "no", total: 1, users: [{ user: "ada" }] }] },
      emoji: { values: [{ value: "🎉", total: 2, users: [{ user: "ada", count: 2 }] }] },
    };
    await world.wait(watching.reaches(last));
    assertEquals(told.at(-1), [last.offset, 1, summary]);
    const { entries } = await world.wait(room("late").history({ after: 0 }));
    assertEquals(entries.map(({ data, version, reactions }) => [data, version, reactions]), [[
      "hello",
      1,
      summary,
    ]]);
  });

  it("that come close together make one summary, and the next comes 100 ms later at the soonest", async () => {
    const { world, room, told, watching, place } = await start();
    await using _ = world;
    const users = Array.from({ length: 40 }, (_, i) => room(`user ${i}`));
    const places = await world.wait(Promise.all(users.map((user) => user.react(place, "flag", "seen"))));
    const offsets = new Set(places.map(({ offset }) => offset));
    assert(offsets.size <= 4, `${offsets.size} summaries`);
    await world.wait(watching.reaches(places.reduce((a, b) => a.offset > b.offset ? a : b)));
    const last = told.at(-1) as [number, number, { flag: { values: { total: number }[] } }];
    assertEquals(last[2].flag.values[0]!.total, 40);
  });

  it("are refused where a rule, a kind, a value or the message says no", async () => {
    const { world, room, ada, place } = await start();
    await using _ = world;
    const any = ada as unknown as { react(...given: unknown[]): Promise<unknown> };
    assertEquals(await world.wait(code(room("troll").react(place, "like"))), "FORBIDDEN");
    assertEquals(await world.wait(code(any.react(place, "shrug"))), "BAD_INPUT");
    assertEquals(await world.wait(code(any.react(place, "like", "much"))), "BAD_INPUT");
    assertEquals(await world.wait(code(any.react(place, "flag"))), "BAD_INPUT");
    assertEquals(await world.wait(code(any.react(place, "flag", "x".repeat(65)))), "BAD_INPUT");
    assertEquals(await world.wait(code(any.react(place.offset + 7, "like"))), "NOT_FOUND");
    assertEquals(
      await world.wait(code(any.react({ ...place, epoch: "another-epoch-00" }, "like"))),
      "NOT_FOUND",
    );
    await assertRejects(() => any.react(0, "like"), TypeError);
    await world.wait(ada.react(place, "flag", "mine"));
    await world.wait(ada.delete(place));
    assertEquals(await world.wait(code(ada.react(place, "like"))), "GONE");
    const { entries } = await world.wait(ada.history());
    assertEquals(entries.map(({ isDeleted, reactions }) => [isDeleted, reactions]), [[true, {}]]);
  });

  it("that change nothing are no publication: who may only react takes no messages from the history by them", async () => {
    const { millrace } = base.with({
      channels: {
        room: base.channel({
          message: z.string(),
          history: { messages: 20 },
          changes: true,
          reactions: { like: "total", flag: "distinct", vote: "unique", emoji: "multiple" },
          allow: { publish: ({ user }) => user === "ada" },
        }),
      },
    });
    const quiet = millrace({
      procedures: {},
      authenticate: ({ token = "" }) => ({ user: token, subject: token }),
    });
    const world = simulate(quiet, { seed: 1 });
    await using _ = world;
    const [ada, eve] = ["ada", "eve"].map((token) => world.connect({ token }).channel("room"));
    const place = await world.wait(ada!.publish("important"));
    for (let i = 0; i < 25; i++) {
      assertEquals(await world.wait(eve!.unreact(place, "like")), place);
    }
    await world.wait(eve!.react(place, "flag", "x"));
    const last = await world.wait(eve!.react(place, "vote", "yes"));
    for (let i = 0; i < 12; i++) {
      assertEquals(await world.wait(eve!.react(place, "flag", "x")), last);
      assertEquals(await world.wait(eve!.react(place, "vote", "yes")), last);
      assertEquals(await world.wait(eve!.unreact(place, "emoji", "x")), last);
      assertEquals(await world.wait(ada!.unreact(place, "vote")), last);
    }
    const later = await world.wait(ada!.publish("later"));
    assertEquals(await world.wait(eve!.react(place, "flag", "x")), later);
    assertEquals(later.offset, 4);
    const { entries } = await world.wait(ada!.history());
    assertEquals(entries.map(({ data }) => data), ["later", "important"]);
    assertEquals(await world.wait(code(eve!.unreact(9, "like"))), "NOT_FOUND");
    assertEquals(await world.wait(code(eve!.unreact(last.offset, "like"))), "NOT_FOUND");
    assertEquals(
      await world.wait(code(eve!.unreact({ ...place, epoch: "another-epoch-00" }, "like"))),
      "NOT_FOUND",
    );
    await world.wait(ada!.delete(place));
    assertEquals(await world.wait(code(eve!.unreact(place, "like"))), "GONE");
  });

  it("of server code count, too, and of a channel without changes", async () => {
    const { world, place } = await start();
    await using _ = world;
    const client = world.connect({ token: "eve" });
    await world.wait(client.call.applaud(place.offset));
    const [entry] = (await world.wait(client.channel("room/:id", { id: "1" }).history())).entries;
    assertEquals(entry!.reactions, {
      like: { total: 1 },
      flag: { values: [{ value: "server", total: 1, users: [], clipped: true }] },
    });
    const only = client.channel("only");
    await world.wait(only.react(await world.wait(only.publish("a")), "like"));
    assertEquals((await world.wait(only.history())).entries[0]!.reactions, { like: { total: 1 } });
    const any = only as unknown as { edit(...given: unknown[]): Promise<unknown> };
    assertEquals(await world.wait(code(any.edit(1, "b"))), "NOT_FOUND");
  });

  it("land in their order, whether they name the life of the stream or not", async () => {
    const { world, place } = await start();
    await using _ = world;
    const server = app.channel("room/:id", { id: "1" });
    const other = { ...place, epoch: "another-life-000" };
    const [, none, ...said] = [
      server.react(place, "flag", "spam"),
      server.react(other, "flag", "rude"),
      server.react(place, "emoji", "x"),
      server.unreact(place.offset, "flag", "spam"),
      server.unreact(place.offset, "emoji", "x"),
      server.react(place, "vote", "yes"),
    ];
    assertEquals(await code(world.wait(none!)), "NOT_FOUND");
    await world.wait(Promise.all(said));
    const { entries } = await world.wait(server.history());
    const { flag, emoji, vote } = entries[0]!.reactions;
    assertEquals([flag, emoji, (vote as ValuesSummary).values.length], [undefined, undefined, 1]);
  });

  it("to a message of another life are refused for that, not for what is said of the one that has its place now", async () => {
    const { world, place } = await start();
    await using _ = world;
    const server = app.channel("room/:id", { id: "1" });
    const most = Array.from({ length: 64 }, (_, i) => server.react(place, "emoji", `v${i}`));
    await world.wait(Promise.all(most));
    assertEquals(await world.wait(code(server.react(place, "emoji", "more"))), "TOO_LARGE");
    const other = { ...place, epoch: "another-life-000" };
    assertEquals(await world.wait(code(server.react(other, "emoji", "more"))), "NOT_FOUND");
  });

  it("count once, however often their connection is lost", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { world, place } = await start(seed);
      await using _ = world;
      const client = world.connect({ token: "eve" });
      const ada = client.channel("room/:id", { id: "1" });
      const done = Promise.all(Array.from({ length: 6 }, () => ada.react(place, "like")));
      for (let i = 0; i < 6; i++) {
        await world.run(90 + 10 * seed);
        world.cut(client);
      }
      await world.wait(done);
      assertEquals(
        (await world.wait(ada.history())).entries[0]!.reactions,
        { like: { total: 6 } },
        `seed ${seed}`,
      );
    }
  });
});

describe("reactions to messages that may have few bytes", () => {
  it("have as many as summaries take", async () => {
    const short = millraceWith({
      procedures: {},
      channels: {
        "short": channel({ message: z.string(), changes: { bytes: 64 }, reactions: { flag: "distinct" } }),
      },
    });
    await using world = simulate(short, { seed: 9 });
    const server = short.channel("short");
    const place = await world.wait(server.publish("hello"));
    for (const value of ["one", "two", "three", "four"]) await world.wait(server.react(place, "flag", value));
    const { entries } = await world.wait(server.history());
    assertEquals((entries[0]!.reactions.flag as ValuesSummary).values.length, 4);
    assertEquals(await code(world.wait(server.edit(place, "x".repeat(64)))), "TOO_LARGE");
  });
});

describe("bounds of reactions", () => {
  it("are limits of the app: values of a kind, and users who are known", async () => {
    const reactions = { flag: "distinct", like: "total" } as const;
    const few = base.with({ channels: { "few": base.channel({ message: z.string(), reactions }) } }).millrace(
      {
        procedures: {},
        limits: { reactionValues: 2, reactionUsers: 3 },
        authenticate: ({ token = "" }) => ({ user: token, subject: token }),
      },
    );
    await using world = simulate(few, { seed: 10 });
    const place = await world.wait(few.channel("few").publish("hello"));
    const flag = (user: string, value: string) =>
      world.wait(world.connect({ token: user }).channel("few").react(place, "flag", value));
    for (const [user, value] of [["ada", "one"], ["ada", "two"], ["bob", "two"]] as const) {
      await flag(user, value);
    }
    assertEquals(await code(flag("bob", "three")), "TOO_LARGE");
    assertEquals(await code(flag("eve", "two")), "TOO_LARGE");
    await world.wait(world.connect({ token: "eve" }).channel("few").react(place, "like"));
    const [message] = (await world.wait(few.channel("few").history())).entries;
    assertEquals((message!.reactions.flag as ValuesSummary).values.map(({ total }) => total), [1, 2]);
    assertEquals(message!.reactions.like, { total: 1 });
  });
});

describe("the state of reactions", () => {
  const kinds = { like: "total", flag: "distinct" } as const;
  const by = (author: string, more: Partial<Reaction> = {}): Reaction => ({
    kind: "flag",
    value: "x",
    undo: false,
    author,
    ...more,
  });

  it("lists 50 users, says that there are more, and tells nobody of clients", () => {
    const state = new ReactionState();
    state.add(by("cclient"), "distinct");
    for (let i = 0; i < 60; i++) state.add(by(`s${i}`), "distinct");
    const { values: [first] } = new ReactionState(state.stored()).summary(kinds)["flag"] as never as {
      values: { total: number; users: { user: string }[]; clipped?: true }[];
    };
    assertEquals([first!.total, first!.users.length, first!.clipped], [61, 50, true]);
    assertEquals(first!.users[0], { user: "0" });
  });

  it("is bounded: values and users beyond are refused, and what is counted by total counts on", () => {
    const state = new ReactionState();
    for (let i = 0; i < 64; i++) state.add(by("s1", { value: `${i}` }), "distinct");
    assertThrows(() => state.add(by("s1", { value: "more" }), "distinct"));
    for (let i = 0; i < 1_936; i++) state.add(by(`s${i + 2}`, { value: "0" }), "distinct");
    assertThrows(() => state.add(by("one more", { value: "0" }), "distinct"));
    for (let i = 0; i < 5_000; i++) state.add(by(`s${i}`, { kind: "like", value: "" }), "total");
    assertEquals(state.summary(kinds)["like"], { total: 5_000 });
    assert(state.stored().length < 64 * 1_024, `${state.stored().length} bytes`);
  });

  it("is no bound for who says another value than before, where only one counts", () => {
    const vote = (i: number, value: string) => by(`s${i}`, { kind: "vote", value });
    const full = new ReactionState();
    for (let i = 0; i < 2_000; i++) full.add(vote(i, i % 2 === 0 ? "no" : "yes"), "unique");
    full.add(vote(1, "no"), "unique");
    assertThrows(() => full.add(vote(2_000, "no"), "unique"));
    const many = new ReactionState();
    for (let i = 0; i < 64; i++) many.add(vote(i, `${i}`), "unique");
    many.add(vote(1, "other"), "unique");
    assertThrows(() => many.add(vote(64, "more"), "unique"));
    many.add(vote(64, "0"), "unique");
    assertThrows(() => many.add(vote(64, "more"), "unique"));
  });

  it("knows what changes nothing", () => {
    const state = new ReactionState();
    const add = (kind: keyof typeof all, value: string, undo = false) =>
      state.add(by("s1", { kind, value, undo }), all[kind]);
    const all = { like: "total", flag: "distinct", vote: "unique", emoji: "multiple" } as const;
    const undone =
      () => [add("like", "", true), add("flag", "x", true), add("vote", "", true), add("emoji", "x", true)];
    assertEquals(undone(), [false, false, false, false]);
    for (const again of [false, true]) {
      assertEquals([add("like", ""), add("emoji", "x")], [true, true]);
      assertEquals([add("flag", "x"), add("vote", "x")], [!again, !again]);
    }
    assertEquals([add("vote", "y"), add("vote", "y")], [true, false]);
    assertEquals(state.add(by("s2", { undo: true }), "distinct"), false);
    assertEquals(undone(), [true, true, true, true]);
    assertEquals(undone(), [true, false, false, false]);
    assertEquals(undone(), [false, false, false, false]);
  });

  it("knows what was sent again", () => {
    const state = new ReactionState();
    const like = by("s1", { kind: "like", value: "", producer: { id: "p", n: 3 } });
    assertEquals([state.add(like, "total"), state.add(like, "total")], [true, false]);
    const again = new ReactionState(state.stored());
    assertEquals(again.add(like, "total"), false);
    assertEquals(again.add({ ...like, producer: { id: "p", n: 4 } }, "total"), true);
    assertEquals(again.summary(kinds), { like: { total: 2 } });
  });
});

function assertThrows(run: () => unknown): void {
  let error: unknown;
  try {
    run();
  } catch (thrown) {
    error = thrown;
  }
  assertEquals((error as CallError | undefined)?.code, "TOO_LARGE");
}
