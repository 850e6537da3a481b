// Channels whose messages change, as programs see them: who declares nothing sees nothing new. Compiled, never run.
import { z } from "zod";
import { channel, millrace, procedure, type Published } from "../../mod.ts";
import { type ChannelEvent, connect, type PublishedEntry } from "../../client/mod.ts";
import { type Equal, expect } from "./expect.ts";

const app = millrace({
  procedures: { hi: procedure(() => "hi") },
  channels: {
    "chat/:id": channel({
      message: z.string(),
      changes: true,
      allow: {
        edit: ({ message, params, connection }) => {
          expect<Equal<typeof message.isOwn, boolean>>();
          expect<Equal<typeof message.by, string | undefined>>();
          return message.isOwn && params["id"] !== connection.id;
        },
        delete: ({ message: { at, offset } }) => at > offset,
        append: true,
      },
    }),
    notes: channel({ message: z.object({ n: z.number() }), changes: { bytes: 4_096 } }),
    news: channel({ message: z.string() }),
    cursors: channel({ signal: z.number() }),
  },
});

type App = typeof app;

export async function everything(): Promise<void> {
  await using client = connect<App>("wss://example.org/rpc");
  const chat = client.channel("chat/:id", { id: 7 });
  const place = await chat.publish("a");
  expect<Equal<Awaited<ReturnType<typeof chat.edit>>, Published>>();
  await chat.edit(place, "b", { timeout: 5_000 });
  await chat.append(place.offset, "c");
  await chat.delete({ epoch: place.epoch, offset: 1 });
  chat.subscribe((event) => {
    if (event.type === "edit") expect<Equal<typeof event.data, string>>();
    else if (event.type === "append") expect<Equal<typeof event.piece, string>>();
    else if (event.type === "delete") expect<Equal<typeof event.target, number>>();
    else if (event.type === "message") expect<Equal<typeof event.data, string>>();
    else expect<Equal<typeof event.type, "gap" | "reset">>();
  });
  client.channels("chat/:id").subscribe((event) => {
    if (event.type === "edit") expect<Equal<typeof event.data, string>>();
    else expect<Equal<typeof event.type, "append" | "delete" | "message" | "gap" | "reset">>();
  });
  // @ts-expect-error a change without its message says nothing
  client.channels("chat/:id").subscribe({ policy: "drop oldest" }, () => {});
  const [entry] = (await chat.history()).entries;
  if (entry !== undefined && !entry.isDeleted) expect<Equal<typeof entry.data, string>>();
  expect<Equal<NonNullable<typeof entry>["version"], number>>();
  await client.channel("notes").edit(1, { n: 1 });
  const news = client.channel("news");
  news.subscribe((event) => expect<Equal<typeof event, ChannelEvent<string>>>());
  news.subscribe((event) => expect<Equal<typeof event.type, "message" | "gap" | "reset">>());
  const plain = (await news.history()).entries[0]!;
  expect<Equal<typeof plain, PublishedEntry<string>>>();
  const room = app.channel("chat/:id", { id: "7" });
  await room.append(await room.publish("a", { by: "ada" }), "b", { key: "b", by: "ada" });
  expect<
    Equal<Awaited<ReturnType<typeof room.history>>["entries"][number]["editedBy"], string | undefined>
  >();
}

export function refused(): void {
  const client = connect<App>("wss://example.org/rpc");
  // @ts-expect-error it declares no changes
  void client.channel("news").edit(1, "a");
  // @ts-expect-error nor has the server's
  void app.channel("news").delete(1);
  // @ts-expect-error nothing is published there
  void client.channel("cursors").edit(1, 2);
  // @ts-expect-error a wrong message
  void client.channel("notes").edit(1, { n: "1" });
  // @ts-expect-error nothing can be added to an object
  void client.channel("notes").append(1, "a");
  // @ts-expect-error a wrong piece
  void client.channel("chat/:id", { id: 7 }).append(1, 2);
  // @ts-expect-error a wrong target
  void client.channel("chat/:id", { id: 7 }).delete("1");
  // @ts-expect-error no such option
  channel({ message: z.string(), changes: { size: 1 } });
  // @ts-expect-error who takes a part would be given changes without their messages
  client.channel("notes").subscribe({ filter: { n: 1 } });
  // @ts-expect-error nor may any be left out
  client.channel("chat/:id", { id: 7 }).subscribe({ policy: "drop oldest" }, () => {});
  client.channel("notes").subscribe({ policy: "all", delta: true, rewind: 7 });
  // @ts-expect-error there are no messages to be changed
  channel({ signal: z.number(), changes: true });
  // @ts-expect-error nor any to react to
  channel({ signal: z.number(), reactions: { like: "total" } });
}

export function rules(): void {
  const message = z.string();
  // @ts-expect-error a rule for what is not declared
  channel({ message, allow: { edit: () => true } });
  // @ts-expect-error the same
  channel({ message, reactions: { like: "total" }, allow: { delete: true } });
  // @ts-expect-error the same
  channel({ message, changes: true, allow: { react: ({ message }) => message.isOwn } });
  // @ts-expect-error the same
  channel({ message, allow: { presence: true } });
  // @ts-expect-error the same
  channel({ message, allow: { members: () => false } });
  channel({
    message,
    changes: { bytes: 4_096 },
    reactions: { like: "total" },
    presence: { data: z.number(), grace: 5 },
    allow: {
      edit: ({ message: { at } }) => at > 7,
      react: ({ message: { isOwn } }) => !isOwn,
      presence: ({ connection }) => connection.subject !== undefined,
      members: false,
    },
  });
  channel({ presence: "count", allow: { members: true } });
}

export async function present(): Promise<void> {
  const rooms = millrace({
    procedures: { hi: procedure(() => "hi") },
    channels: { plain: channel({ message: z.string() }), desk: channel({ presence: z.number() }) },
  });
  expect<Equal<Awaited<ReturnType<typeof rooms.presence.get<"desk">>>["members"][number]["data"], number>>();
  await rooms.presence.get("desk");
  // @ts-expect-error it has no presence
  await rooms.presence.get("plain");
}
