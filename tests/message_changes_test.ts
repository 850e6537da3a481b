// Messages that are edited, added to and deleted: what clients, server code and subscribers get, and who may.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, type Changer, define, type Position } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

const base = define<{ user: string }>();
const { millrace, procedure, channel } = base.with({
  channels: {
    "room/:id": base.channel({
      message: z.string(),
      changes: true,
      allow: {
        delete: ({ message, user }) => message.isOwn || user === "moderator",
        publish: ({ user }) => user !== "reader",
      },
      publish: (message) => message.replace("bad", "***"),
    }),
    "notes/:id": base.channel({
      message: z.object({ text: z.string() }),
      history: { messages: 5 },
      changes: { bytes: 64 },
      allow: { subscribe: ({ user }) => user !== "stranger", edit: ({ message: { by } }) => by !== "locked" },
    }),
    "small": base.channel({ message: z.string(), changes: { bytes: 64 } }),
    "plain": base.channel({ message: z.string() }),
  },
});

const app = millrace({
  authenticate: ({ token }) => ({ user: token ?? "", ...token ? { subject: token } : {} }),
  procedures: {
    say: procedure({ input: z.string() }, async (text, { publish, user }) => {
      const { offset } = await publish("room/:id", { id: "1" }, text, { by: user });
      return offset;
    }),
    stream: procedure({ input: z.number() }, async (count, { channel }) => {
      const room = channel("room/:id", { id: "1" });
      const target = await room.publish("");
      const done = Array.from({ length: count }, (_, i) => room.append(target, `${i} `));
      return (await Promise.all(done)).at(-1)!.offset;
    }),
    fill: procedure({ input: z.string() }, async (piece, { channel }) => {
      const target = await channel("small").publish("");
      await Promise.allSettled(Array.from({ length: 9 }, () => channel("small").append(target, piece)));
      return target.offset;
    }),
    tidy: procedure({ input: z.number() }, async (target, { channel }) => {
      await channel("room/:id", { id: "1" }).edit(target, "tidied");
      await channel("room/:id", { id: "1" }).delete(target);
    }),
    page: procedure(async (_, { channel }) => {
      const { entries, next } = await channel("room/:id", { id: "1" }).history({ after: 0 });
      return {
        next,
        entries: entries.map(({ data = "", version, by, isDeleted }) => [data, version, by, isDeleted]),
      };
    }),
  },
});

type Event = { readonly type: string };

/** An event without what tests do not look at. */
function brief(event: Event): unknown {
  const { position, ...rest } = event as Event & { position: Position };
  return { ...rest, at: position.offset };
}

/** Text of each message, as somebody makes it of events. */
function apply(documents: Map<number, string>, event: Event): void {
  const { type, target = 0, data, piece, position: { offset } } = event as Event & {
    target?: number;
    data: string;
    piece: string;
    position: Position;
  };
  if (type === "message") documents.set(offset, data);
  else if (type === "edit") documents.set(target, data);
  else if (type === "append") documents.set(target, (documents.get(target) ?? "?") + piece);
  else if (type === "delete") documents.delete(target);
}

async function code(done: Promise<unknown>): Promise<unknown> {
  const error = await assertRejects(() => done, CallError);
  return (error as CallError).code;
}

/** How each change of a message ends. */
async function codes(room: Changer<string, object>, target: Position): Promise<unknown[]> {
  return await Promise.all(
    [room.edit(target, "x"), room.append(target, "x"), room.delete(target)].map(code),
  );
}

async function start(seed = 1) {
  const world = simulate(app, { seed });
  const connect = (token: string) => world.connect({ token });
  const [ada, bob] = [connect("ada"), connect("bob")];
  const room = ada.channel("room/:id", { id: "1" });
  const events: Event[] = [];
  const watching = bob.channel("room/:id", { id: "1" }).subscribe((event) => void events.push(event));
  await world.wait(watching.ready());
  return { world, connect, ada, bob, room, events, watching };
}

describe("a message that changes", () => {
  it("is told to subscribers as it changes, and is what was made of it in the history", async () => {
    const { world, room, events, watching } = await start();
    await using _ = world;
    const first = await world.wait(room.publish("hello"));
    const edit = await world.wait(room.edit(first, "bad day"));
    await world.wait(room.append(first.offset, "!"));
    const second = await world.wait(room.publish("secret"));
    const last = await world.wait(room.delete(second));
    assertEquals(edit.offset, 2);
    assert(await world.wait(watching.reaches(last)));
    assertEquals(events.map(brief), [
      { type: "message", data: "hello", at: 1 },
      { type: "edit", target: 1, data: "*** day", by: "ada", at: 2 },
      { type: "append", target: 1, piece: "!", by: "ada", at: 3 },
      { type: "message", data: "secret", at: 4 },
      { type: "delete", target: 4, by: "ada", at: 5 },
    ]);
    const { entries, next, position } = await world.wait(room.history());
    assertEquals([next, position.offset], [1, 5]);
    assertEquals(
      entries.map(({ at: _, editedAt, position, ...rest }) => [position.offset, typeof editedAt, rest]),
      [
        [4, "number", {
          data: undefined,
          by: "ada",
          version: 5,
          editedBy: "ada",
          reactions: {},
          isDeleted: true,
        }],
        [1, "number", {
          data: "*** day!",
          by: "ada",
          version: 3,
          editedBy: "ada",
          reactions: {},
          isDeleted: false,
        }],
      ],
    );
  });

  it("is refused to whom it does not belong, where it is not there, and where it was deleted", async () => {
    const { world, ada, bob, connect, room } = await start();
    await using _ = world;
    const place = await world.wait(room.publish("hello"));
    const others = bob.channel("room/:id", { id: "1" });
    assertEquals(await world.wait(codes(others, place)), ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]);
    for (const target of [7, { ...place, epoch: "another-epoch-00" }, place.offset + 1]) {
      assertEquals(await world.wait(code(room.edit(target, "x"))), "NOT_FOUND");
    }
    assertEquals(await world.wait(code(room.append(place, 7 as never))), "BAD_INPUT");
    await assertRejects(() => room.edit(0, "x"), TypeError);
    await assertRejects(() => room.edit("1" as never, "x"), TypeError);
    const notes = ada.channel("notes/:id", { id: "1" });
    const note = await world.wait(notes.publish({ text: "a" }));
    assertEquals(await world.wait(code((notes as unknown as typeof room).append(note, "x"))), "BAD_INPUT");
    const stranger = connect("stranger").channel("notes/:id", { id: "1" });
    assertEquals(await world.wait(code(stranger.edit(note, { text: "x" }))), "NOT_FOUND");
    const plain = ada.channel("plain") as unknown as typeof room;
    assertEquals(await world.wait(code(plain.edit(await world.wait(plain.publish("a")), "b"))), "NOT_FOUND");
    await world.wait(connect("moderator").channel("room/:id", { id: "1" }).delete(place));
    assertEquals(await world.wait(codes(room, place)), ["GONE", "GONE", "GONE"]);
  });

  it("belongs to the subject, on whatever connection, and to the client where it has none", async () => {
    const { world, connect, room } = await start();
    await using _ = world;
    const place = await world.wait(room.publish("a"));
    await world.wait(connect("ada").channel("room/:id", { id: "1" }).edit(place, "b"));
    const [one, other] = [connect(""), connect("")].map((client) => client.channel("room/:id", { id: "1" }));
    const anonymous = await world.wait(one!.publish("c"));
    await world.wait(one!.edit(anonymous, "d"));
    assertEquals(await world.wait(code(other!.edit(anonymous, "e"))), "FORBIDDEN");
    const { entries } = await world.wait(room.history({ after: 0 }));
    assertEquals(entries.map(({ data, by }) => [data, by]), [["b", "ada"], ["d", undefined]]);
  });

  it("is not kept longer for its changes, and has no more bytes than it may", async () => {
    const { world, ada } = await start();
    await using _ = world;
    const notes = ada.channel("notes/:id", { id: "1" });
    const note = await world.wait(notes.publish({ text: "a" }));
    for (const text of ["b", "c", "d", "e"]) await world.wait(notes.edit(note, { text }));
    assertEquals(await world.wait(code(notes.edit(note, { text: "x".repeat(64) }))), "TOO_LARGE");
    await world.wait(notes.edit(note, { text: "f" }));
    assertEquals(await world.wait(code(notes.edit(note, { text: "g" }))), "NOT_FOUND");
    const { entries, oldest } = await world.wait(notes.history({ after: 0 }));
    assertEquals([entries, oldest], [[], 2]);
  });

  it("is changed by server code, in its own name or another's, and its caller has seen it then", async () => {
    const { world, ada, bob, room, events, watching } = await start();
    await using _ = world;
    const offset = await world.wait(ada.call.say("mine"));
    await world.wait(room.edit(offset, "still mine"));
    await world.wait(bob.seen(bob.call.tidy(offset)));
    assertEquals(events.map(brief).slice(-2), [
      { type: "edit", target: 1, data: "still mine", by: "ada", at: 2 },
      { type: "delete", target: 1, by: undefined, at: 4 }, // of one turn: what the edit said is gone with it
    ]);
    assertEquals(await world.wait(bob.call.page()), { next: 4, entries: [["", 4, "ada", true]] });
    watching.close();
  });
});

describe("a message that grows", () => {
  it("of a server's stream of tokens takes few entries and frames, and has all of its text", async () => {
    const { world, ada, room, events, watching } = await start();
    await using _ = world;
    const offset = await world.wait(ada.call.stream(1_000));
    assert(offset < 20, `${offset} entries`);
    await world.wait(watching.reaches((await world.wait(room.history())).position));
    const documents = new Map<number, string>();
    for (const event of events) apply(documents, event);
    const text = Array.from({ length: 1_000 }, (_, i) => `${i} `).join("");
    assertEquals(documents.get(1), text);
    assertEquals((await world.wait(room.history())).entries.map(({ data }) => data), [text]);
  });

  it("of a client's takes as many entries as there are answers, in order with what else is done", async () => {
    const { world, room } = await start();
    await using _ = world;
    const place = await world.wait(room.publish("."));
    const pieces = Array.from({ length: 500 }, (_, i) => room.append(place, `${i} `));
    const other = room.publish("other");
    const after = room.append(place, "after");
    const all = await world.wait(Promise.all([...pieces, other, after]));
    const [first, last] = [all[1]!.offset, all[499]!.offset];
    assertEquals([first, last], [3, 3]);
    assertEquals([(await other).offset, (await after).offset], [4, 5]);
    const { entries } = await world.wait(room.history({ after: 0 }));
    const text = Array.from({ length: 500 }, (_, i) => `${i} `).join("");
    assertEquals(entries.map(({ data }) => data), [`.${text}after`, "other"]);
  });

  it("takes of pieces that left together those that it has room for, up to the first that does not fit", async () => {
    const { world, connect } = await start();
    await using _ = world;
    const small = connect("ada").channel("small");
    const place = await world.wait(small.publish(""));
    const piece = "0123456789abcde";
    const append = () => Array.from({ length: 6 }, () => small.append(place, piece));
    const done = await world.wait(Promise.allSettled(append()));
    assertEquals(done.map((one) => one.status === "fulfilled" ? "landed" : one.reason.code), [
      ...["landed", "landed", "landed", "landed"],
      ...["TOO_LARGE", "TOO_LARGE"],
    ]);
    const text = async () => (await world.wait(small.history())).entries[0]!.data;
    assertEquals(await text(), piece.repeat(4));
    await world.wait(small.edit(place, ""));
    const pieces = append();
    const edited = small.edit(place, "edited"); // what is sent behind them is passed by none
    assertEquals((await world.wait(Promise.allSettled(pieces))).map(({ status }) => status === "fulfilled"), [
      ...[true, false, false, false, false, false],
    ]);
    await world.wait(edited);
    assertEquals(await text(), "edited");
    const offset = await world.wait(connect("ada").call.fill(piece));
    assertEquals((await world.wait(small.history({ after: offset - 1 }))).entries[0]!.data, piece.repeat(4));
  });

  it("is whole for who looks back, and goes on for who comes back", async () => {
    const { world, bob, connect, room, watching } = await start();
    await using _ = world;
    const place = await world.wait(room.publish("a"));
    for (const piece of ["b", "c", "d"]) await world.wait(room.append(place, piece));
    await world.wait(watching.reaches((await world.wait(room.history())).position));
    watching.close();
    const late: Event[] = [];
    const late$ = connect("late").channel("room/:id", { id: "1" })
      .subscribe({ rewind: 2 }, (event) => void late.push(event));
    await world.wait(late$.ready());
    const back: Event[] = [];
    const back$ = bob.channel("room/:id", { id: "1" })
      .subscribe({ position: watching.position }, (event) => void back.push(event));
    const end = await world.wait(room.append(place, "e"));
    await world.wait(Promise.all([late$.reaches(end), back$.reaches(end)]));
    assertEquals(late.map(brief), [
      { type: "edit", target: 1, data: "abc", by: "ada", at: 3 },
      { type: "append", target: 1, piece: "d", by: "ada", at: 4 },
      { type: "append", target: 1, piece: "e", by: "ada", at: 5 },
    ]);
    assertEquals(back.map(brief), [{ type: "append", target: 1, piece: "e", by: "ada", at: 5 }]);
  });

  it("comes whole once for who looks back, though it fills each page by itself", async () => {
    const { world, connect, room } = await start();
    await using _ = world;
    const large = "x".repeat(200_000);
    const place = await world.wait(room.publish(large));
    for (let i = 0; i < 10; i++) await world.wait(room.append(place, "y".repeat(60_000)));
    const { position: end } = await world.wait(room.history());
    const late: Event[] = [];
    const watching = connect("late").channel("room/:id", { id: "1" })
      .subscribe({ rewind: 9 }, (event) => void late.push(event));
    await world.wait(watching.reaches(end));
    assertEquals(late.map(({ type }) => type), ["edit", ...Array.from({ length: 8 }, () => "append")]);
    const documents = new Map<number, string>();
    for (const event of late) apply(documents, event);
    assertEquals(documents.get(place.offset)?.length, 800_000);
  });
});

describe("a message that was deleted", () => {
  it("is given to nobody: not who looks back, not who comes back, and positions go on over it", async () => {
    const { world, connect, room, watching, events } = await start();
    await using _ = world;
    const before = await world.wait(room.publish("first"));
    const place = await world.wait(room.publish("secret"));
    await world.wait(room.append(place, " more"));
    await world.wait(room.edit(place, "secret again"));
    const gone = await world.wait(room.delete(place));
    const got: Event[] = [];
    const options = [{ rewind: 10 }, { position: before }, { rewindMs: 60_000 }];
    for (const option of options) {
      const subscription = connect("late").channel("room/:id", { id: "1" })
        .subscribe(option, (event) => void got.push(event));
      await world.wait(subscription.reaches(gone));
    }
    const first = { type: "message", data: "first", at: 1 };
    const last = { type: "delete", target: 2, by: "ada", at: 5 };
    assertEquals(got.map(brief), [first, last, last, first, last]);
    await world.wait(watching.reaches(gone));
    assertEquals(events.length, 5);
    assertEquals((await world.wait(room.history({ after: 0 }))).entries.map(({ data }) => data), [
      "first",
      undefined,
    ]);
  });
});

describe("what a channel declares of changes", () => {
  it("is checked", () => {
    const message = z.string();
    const wrong: [object, RegExp][] = [
      [{ signal: message, changes: true }, /no messages/],
      [{ message, changes: 1 }, /true, or/],
      [{ message, changes: { size: 1 } }, /no option named "size"/],
      [{ message, changes: { bytes: 0 } }, /no number of bytes/],
      [{ message, changes: true, history: { messages: 0 } }, /not kept/],
      [{ message, allow: { edit: true } }, /no changes/],
      [{ message, changes: true, allow: { edit: 1 } }, /no function/],
    ];
    for (const [config, reason] of wrong) {
      const error = assertThrown(() => channel(config as never));
      assert(reason.test(error.message), error.message);
    }
  });
});

function assertThrown(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("It was taken");
}
