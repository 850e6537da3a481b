// Wildcards from end to end: the real client and server on a simulated network, in virtual time.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { Wildcard } from "../client/wildcard.ts";
import type { WildcardEvent, WildcardSubscription } from "../client/mod.ts";
import { CallError, channel, millrace } from "../mod.ts";
import { MatchState } from "../rpc/match_state.ts";
import { simulate, type World } from "../testing/mod.ts";
import { ManualClock } from "./suites/manual_clock.ts";

/** Rooms of which some may not be entered, and some not be said anything about now. */
function makeApp(limits: object = {}, history: { messages?: number } = { messages: 50 }) {
  const shut = new Set<string>();
  const unknown = new Set<string>();
  const asked: string[] = [];
  const app = millrace({
    procedures: {},
    limits,
    onError: () => {},
    channels: {
      "room/:house/:room": channel({
        message: z.string(),
        history,
        allow: {
          subscribe: ({ channel }) => {
            asked.push(channel);
            if (unknown.has(channel)) throw new CallError("UNAVAILABLE", "not now");
            return !shut.has(channel);
          },
        },
      }),
      "room/:house/hall": channel({ message: z.string() }),
      "diary/:id": channel({ message: z.string(), allow: { history: () => false }, history }),
    },
  });
  const say = (world: World<typeof app>, room: string, text: string, house = "7") =>
    world.wait(app.publish("room/:house/:room", { house, room }, text));
  return { app, shut, unknown, asked, say };
}

type Told = WildcardEvent<string, { readonly house: string; readonly room: string }>;

const brief = (event: Told) =>
  event.type === "message"
    ? `${event.channel.params.room}: ${event.data}`
    : `${event.channel.params.room}: ${event.type}`;

/** Everything that a wildcard tells, in short. */
function notes() {
  const got: string[] = [];
  const errors: unknown[] = [];
  return {
    got,
    errors,
    take: (event: Told) => void got.push(brief(event)),
    options: { onError: (error: unknown) => void errors.push((error as CallError).code) },
  };
}

describe("a wildcard", () => {
  it("has the channels that are there, those that come, and no others", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 1 });
    await say(world, "kitchen", "before");
    await say(world, "attic", "elsewhere", "8");
    const { got, take } = notes();
    const all = world.connect().channels("room/:house/:room", { house: "7" });
    assertEquals(all.name, "room/7/*");
    const sub = all.subscribe(take);
    assertEquals(sub.state, "subscribing");
    await world.wait(sub.ready());
    assertEquals(sub.state, "live");
    await say(world, "kitchen", "now");
    await say(world, "bath", "first");
    await say(world, "bath", "second");
    await say(world, "attic", "elsewhere", "8");
    await world.wait(app.publish("room/:house/hall", { house: "7" }, "another pattern"));
    await world.run(100);
    assertEquals(got, ["kitchen: now", "bath: first", "bath: second"]);
    assertEquals(sub.channels, [
      { name: "room/7/kitchen", params: { house: "7", room: "kitchen" } },
      { name: "room/7/bath", params: { house: "7", room: "bath" } },
    ]);
    assertEquals(app.stats().subscriptions, 2);
    sub.close();
    await world.run(100);
    await say(world, "kitchen", "after");
    await world.run(100);
    assertEquals([got.length, sub.state, app.stats().subscriptions], [3, "closed", 0]);
  });

  it("begins as its options say with what is there", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 2 });
    for (const text of ["a", "b", "c"]) await say(world, "kitchen", text);
    const { got, take } = notes();
    const sub = world.connect().channels("room/:house/:room").subscribe({ rewind: 2 }, take);
    await world.wait(sub.ready());
    await world.run(100);
    assertEquals(got, ["kitchen: b", "kitchen: c"]);
  });

  it("shares channels with subscriptions and other wildcards: each is subscribed to once on the wire", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 3 });
    await say(world, "kitchen", "before");
    const client = world.connect();
    const [one, two] = [notes(), notes()];
    const wild = client.channels("room/:house/:room", { house: 7 }).subscribe(one.take);
    const wider = client.channels("room/:house/:room").subscribe(two.take);
    const plain: unknown[] = [];
    const sub = client.channel("room/:house/:room", { house: 7, room: "kitchen" }).subscribe((event) =>
      void plain.push(event.type === "message" && event.data)
    );
    await world.wait(Promise.all([wild.ready(), wider.ready(), sub.ready()]));
    await say(world, "kitchen", "now");
    await say(world, "bath", "new");
    await world.run(100);
    assertEquals([one.got, two.got], [["kitchen: now", "bath: new"], ["kitchen: now", "bath: new"]]);
    assertEquals([plain, app.stats().subscriptions], [["now"], 2]);
  });

  it("goes on where it was in each channel when the connection is back, and has what appeared meanwhile", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 4 });
    await say(world, "kitchen", "before");
    const { got, take } = notes();
    const client = world.connect();
    const sub = client.channels("room/:house/:room", { house: "7" }).subscribe(take);
    await world.wait(sub.ready());
    world.cut(client);
    await say(world, "kitchen", "missed");
    await say(world, "bath", "first");
    await say(world, "bath", "second");
    await world.run(10_000);
    assertEquals(sub.state, "live");
    await say(world, "bath", "third");
    await world.run(100);
    assertEquals(got.toSorted(), ["bath: first", "bath: second", "bath: third", "kitchen: missed"]);
  });

  it("says that a channel has a beginning that is gone", async () => {
    const { app, say } = makeApp({}, { messages: 1 });
    await using world = simulate(app, { seed: 5 });
    const { got, take } = notes();
    const client = world.connect();
    const sub = client.channels("room/:house/:room").subscribe(take);
    await world.wait(sub.ready());
    world.cut(client);
    await say(world, "bath", "first");
    await say(world, "bath", "second");
    await world.run(10_000);
    assertEquals(got, ["bath: reset", "bath: second"]);
  });

  it("leaves out what may not be known, and ends what may not be any more", async () => {
    const { app, shut, say } = makeApp();
    await using world = simulate(app, { seed: 6 });
    shut.add("room/7/cellar").add("room/7/safe");
    for (const room of ["kitchen", "cellar"]) await say(world, room, "before");
    const { got, errors, options, take } = notes();
    const sub = world.connect().channels("room/:house/:room").subscribe(options, take);
    await world.wait(sub.ready());
    for (const room of ["kitchen", "cellar", "safe"]) await say(world, room, "now");
    await world.run(100);
    assertEquals(got.splice(0), ["kitchen: now"]);
    shut.add("room/7/kitchen");
    app.connections().reauthorize();
    await world.run(100);
    await say(world, "kitchen", "not for it");
    await world.run(3_000);
    assertEquals([got.splice(0), sub.channels.length, app.stats().subscriptions], [[], 0, 0]);
    shut.clear();
    app.connections().reauthorize();
    await world.run(3_000);
    assertEquals(sub.channels.length, 3);
    assertEquals(errors, []);
  });

  it("asks again about what cannot be said now", async () => {
    const { app, unknown, say } = makeApp();
    await using world = simulate(app, { seed: 7 });
    unknown.add("room/7/kitchen").add("room/7/bath");
    await say(world, "kitchen", "before");
    const { got, take } = notes();
    const sub = world.connect().channels("room/:house/:room").subscribe(take);
    await world.wait(sub.ready());
    await say(world, "bath", "new");
    await world.run(1_000);
    assertEquals(sub.channels, []);
    unknown.clear();
    await world.run(20_000);
    await say(world, "kitchen", "now");
    await world.run(100);
    assertEquals(got.toSorted(), ["bath: new", "kitchen: before", "kitchen: now"]);
  });

  it("needs no right to the history of a channel that appears", async () => {
    const { app } = makeApp();
    await using world = simulate(app, { seed: 8 });
    const client = world.connect();
    const got: unknown[] = [];
    const sub = client.channels("diary/:id").subscribe((event) =>
      void got.push(event.type === "message" ? event.data : event.type)
    );
    await world.wait(sub.ready());
    const write = (id: string, text: string) => world.wait(app.publish("diary/:id", { id }, text));
    await write("1", "first");
    await world.run(100);
    assertEquals(got.splice(0), ["first"]);
    world.cut(client);
    await write("1", "second");
    await write("2", "missed");
    await world.run(10_000);
    await write("2", "seen");
    await world.run(100);
    assertEquals(got.toSorted(), ["reset", "second", "seen"]); // who may not look back is told that there was something
  });

  it("tells of more channels than there may be, and takes others when there is room", async () => {
    const { app, say } = makeApp({ channels: 3 });
    await using world = simulate(app, { seed: 9 });
    for (let i = 0; i < 5; i++) await say(world, `r${i}`, "before");
    const { got, errors, options, take } = notes();
    const sub = world.connect().channels("room/:house/:room").subscribe(options, take);
    await world.wait(sub.ready());
    assertEquals([sub.channels.length, errors], [3, ["RESOURCE_EXHAUSTED"]]);
    await world.run(9 * 60_000);
    await say(world, "r9", "new");
    await world.run(100);
    assertEquals([sub.channels.length, errors.length, got], [3, 1, []]);
    await world.run(3 * 60_000); // the others are gone
    await say(world, "r9", "now");
    await world.run(100);
    assertEquals([sub.channels.map(({ params }) => params.room), got], [["r9"], ["r9: new", "r9: now"]]);
  });

  it("takes 65,536 channels, whatever the server says, and tells of more", () => {
    const errors: CallError[] = [];
    const wanted = {
      start: {},
      handler: () => {},
      delta: false,
      onError: (e: unknown) => errors.push(e as CallError),
    };
    const wildcard = new Wildcard("room/:id", "room/*", wanted as never, {
      clock: new ManualClock(),
      report: () => {},
      subscribe: () => ({ close: () => {}, ready: () => Promise.resolve() }) as never,
      closed: () => {},
    });
    wildcard.connected({ askAll: () => 1, giveUpAll: () => {} });
    for (let i = 0; i < 65_536; i++) wildcard.matched(MatchState.THERE, `room/${i}`);
    assertEquals([wildcard.channels.length, errors.length], [65_536, 0]);
    for (const name of ["room/a", "room/b", "room/1"]) wildcard.matched(MatchState.THERE, name);
    assertEquals([wildcard.channels.length, errors.map(({ code }) => code)], [65_536, [
      "RESOURCE_EXHAUSTED",
    ]]);
    wildcard.matched(MatchState.GONE, "room/1");
    wildcard.matched(MatchState.THERE, "room/a");
    assertEquals([wildcard.channels.at(-1)?.name, errors.length], ["room/a", 1]);
    wildcard.close();
  });

  it("is one of so many", async () => {
    const { app } = makeApp({ wildcards: 1 });
    await using world = simulate(app, { seed: 10 });
    const client = world.connect();
    const first = client.channels("room/:house/:room").subscribe(() => {});
    await world.wait(first.ready());
    const { errors, options, take } = notes();
    const second = client.channels("room/:house/:room", { house: 8 }).subscribe(options, take);
    await world.run(1_000);
    assertEquals([second.state, errors], ["subscribing", ["RESOURCE_EXHAUSTED"]]);
    first.close();
    await world.run(60_000);
    assertEquals(second.state, "live");
  });

  it("is one channel where everything is given, which need not be there", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 11 });
    const { got, take } = notes();
    const sub = world.connect().channels("room/:house/:room", { house: 7, room: "bath" }).subscribe(take);
    await world.wait(sub.ready());
    await say(world, "bath", "first");
    await world.run(100);
    assertEquals([got, app.stats().subscriptions], [["bath: first"], 1]);
  });

  it("drops a channel to which nothing is published any more", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 12 });
    await say(world, "kitchen", "before");
    const { got, take } = notes();
    const sub = world.connect().channels("room/:house/:room").subscribe(take);
    await world.wait(sub.ready());
    await world.run(9 * 60_000);
    await say(world, "bath", "new");
    await world.run(3 * 60_000);
    assertEquals([sub.channels.map(({ params }) => params.room), app.stats().subscriptions], [["bath"], 1]);
    await say(world, "kitchen", "again");
    await world.run(100);
    assertEquals(got, ["bath: new", "kitchen: reset", "kitchen: again"]);
  });

  it("is read without a handler, one event after the other, and closed by leaving the loop", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 13 });
    const sub = world.connect().channels("room/:house/:room").subscribe();
    await world.wait(sub.ready());
    for (const room of ["a", "b"]) for (const text of ["1", "2"]) await say(world, room, text);
    const got: string[] = [];
    await world.wait((async () => {
      for await (const event of sub) {
        got.push(brief(event));
        if (got.length === 4) break;
      }
    })());
    assertEquals(got.toSorted(), ["a: 1", "a: 2", "b: 1", "b: 2"]);
    assertEquals([sub.state, await sub.next()], ["closed", { done: true, value: undefined }]);
  });

  it("has a handler that takes one event at a time, whatever its promises do", async () => {
    const { app, say } = makeApp();
    await using world = simulate(app, { seed: 14 });
    let running = 0;
    const got: string[] = [];
    const sub = world.connect({ onError: () => {} }).channels("room/:house/:room").subscribe(
      async (event) => {
        assertEquals(++running, 1);
        await new Promise<void>((resolve) => void world.serverClock.setTimeout(resolve, 50));
        running--;
        got.push(brief(event));
        if (got.length === 2) throw new Error("of the program");
      },
    );
    await world.wait(sub.ready());
    for (const room of ["a", "b", "c"]) await say(world, room, "1");
    await world.run(1_000);
    assertEquals(got.toSorted(), ["a: 1", "b: 1", "c: 1"]);
  });

  it("is refused for good where there is no such pattern, and closes with its signal, or its client", async () => {
    const { app } = makeApp();
    await using world = simulate(app, { seed: 15 });
    const client = world.connect();
    const errors: unknown[] = [];
    const untyped = client as never as {
      channels(
        pattern: string,
      ): { subscribe(options: object, handler: () => void): WildcardSubscription<never, never> };
    };
    const onError = (error: unknown) => void errors.push((error as CallError).code);
    const none = untyped.channels("no/:such").subscribe({ onError }, () => {});
    await assertRejects(() => world.wait(none.ready()), CallError, "no such channel");
    const stop = new AbortController();
    const ended = client.channels("diary/:id").subscribe({ signal: stop.signal });
    await world.wait(ended.ready());
    stop.abort();
    assertEquals([none.state, ended.state, errors], ["closed", "closed", ["NOT_FOUND"]]);
    const read = client.channels("diary/:id").subscribe();
    const next = read.next();
    const ends = assertRejects(() => next, CallError, "The client is closed");
    await world.wait(client.close());
    await ends;
    assertEquals([read.state, await read.next()], ["closed", { done: true, value: undefined }]);
  });

  it("refuses parameters that are none", async () => {
    const { app } = makeApp();
    await using world = simulate(app, { seed: 16 });
    const { channels } = world.connect();
    assertThrows(() => channels("diary/:id", { id: "" }), TypeError);
    assertEquals(channels("diary/:id", { id: "*" }).name, "diary/%2A");
    assertEquals(channels("diary/:id", { id: undefined } as never).name, "diary/*");
    assert(channels("diary/:id", { id: "a/b" }).name === "diary/a%2Fb");
  });
});
