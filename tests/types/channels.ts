// Channels as an app declares them and server code uses them: DESIGN section 2. Compiled, never run.
import { z } from "zod";
import {
  channel as plainChannel,
  define,
  millrace as plainMillrace,
  type ParamsOf,
  type Position,
  type Published,
} from "../../mod.ts";
import { type Equal, expect } from "./expect.ts";

interface User {
  readonly name: string;
}

const base = define<{ user: User }>();
const Point = z.object({ x: z.number(), y: z.number().default(0) });

export const { procedure, millrace } = base.with({
  channels: {
    "board/:id": base.channel({
      message: Point,
      signal: z.object({ cursor: z.number() }),
      history: { messages: 1_000, seconds: 3_600 },
      allow: {
        subscribe: ({ user, channel, params, connection }) => {
          expect<Equal<typeof user, User>>();
          expect<Equal<typeof channel, string>>();
          const { id } = params;
          expect<Equal<typeof id, string | undefined>>();
          return connection.subject === user.name;
        },
        publish: async ({ user }) => await Promise.resolve(user.name !== ""),
        signal: true,
        history: false,
      },
      publish: (message, { user }) => {
        expect<Equal<typeof message, { x: number; y: number }>>();
        return { ...message, x: user.name.length };
      },
      onSubscribe: ({ channel, user }) => console.log(channel, user.name),
      onUnsubscribe: async ({ channel }) => console.log(await Promise.resolve(channel)),
    }),
    "org/:org/room/:room": base.channel({ message: z.string() }),
    news: base.channel({ message: z.date() }),
    cursors: base.channel({ signal: z.number() }),
    "desk/:id": base.channel({
      presence: {
        data: z.object({ name: z.string(), color: z.string().default("red") }),
        members: 500,
        grace: 5,
      },
      allow: { presence: ({ user }) => user.name !== "", members: true },
    }),
    lobby: base.channel({ presence: "count", message: z.string() }),
  },
});

export const app = millrace({
  authenticate: () => ({ user: { name: "Ada" } }),
  procedures: {
    move: procedure({ input: Point }, async (point, { publish, channel, presence }) => {
      const published = await publish("board/:id", { id: "7" }, { x: 1 });
      expect<Equal<typeof published, Published>>();
      await publish("board/:id", { id: 7 }, point, { key: "move 1" });
      await publish("org/:org/room/:room", { org: "a", room: "b" }, "hello");
      await publish("news", new Date());
      await publish("news", new Date(), { key: "today" });
      const board = channel("board/:id", { id: "7" });
      const position = await board.position();
      expect<Equal<typeof position, Position>>();
      await board.publish(point);
      await board.signal({ cursor: 1 });
      const { entries } = await board.history({ before: position, limit: 10 });
      expect<Equal<(typeof entries)[number]["data"], { x: number; y: number }>>();
      await channel("news").publish(new Date());
      const here = await presence.get("desk/:id", { id: "7" }, { limit: 10 });
      expect<Equal<(typeof here.members)[number]["data"], { name: string; color: string }>>();
      expect<Equal<typeof here.next, string | undefined>>();
      await presence.get("lobby");
      await channel("desk/:id", { id: 7 }).presence.count();
      // @ts-expect-error no such channel
      await presence.get("desks/:id", { id: "7" });
      // @ts-expect-error no such channel
      await publish("boards/:id", { id: "7" }, { x: 1 });
      // @ts-expect-error a name is no pattern
      await publish("board/7", { x: 1 });
      // @ts-expect-error a missing parameter
      await publish("board/:id", {}, { x: 1 });
      // @ts-expect-error parameters are missing
      await publish("board/:id", { x: 1 });
      // @ts-expect-error a parameter too many
      await publish("board/:id", { id: "7", no: "8" }, { x: 1 });
      // @ts-expect-error a wrong message
      await publish("board/:id", { id: "7" }, { x: "1" });
      // @ts-expect-error a field too many
      await publish("board/:id", { id: "7" }, { x: 1, z: 1 });
      // @ts-expect-error a pattern without parameters takes none
      await publish("news", {}, new Date());
      // @ts-expect-error no message
      await publish("news");
      // @ts-expect-error nothing is published there
      await publish("cursors", 1);
      // @ts-expect-error a missing parameter
      channel("org/:org/room/:room", { org: "a" });
      // @ts-expect-error a wrong signal
      await board.signal({ cursor: "1" });
      return published;
    }),
  },
});
export type App = typeof app;

export async function serverCode(): Promise<void> {
  await app.publish("board/:id", { id: "7" }, { x: 1, y: 2 });
  await app.publish("news", new Date());
  const { offset } = await app.channel("news").position();
  expect<Equal<typeof offset, number>>();
  // @ts-expect-error a wrong message
  await app.publish("news", "today");
}

/** An app whose handlers do not publish declares its channels where it is made: the program that README shows. */
export const small = plainMillrace({
  procedures: {},
  channels: { "board/:id": plainChannel({ message: Point }) },
});
export type Small = typeof small;

/** Both ways together. */
export const both = millrace({
  authenticate: () => ({ user: { name: "Ada" } }),
  procedures: {},
  channels: { "log/:day": base.channel({ message: z.string() }) },
});
export async function published(): Promise<void> {
  await small.publish("board/:id", { id: "7" }, { x: 1 });
  await both.publish("board/:id", { id: "7" }, { x: 1 });
  await both.publish("log/:day", { day: "monday" }, "wash");
}

export function params(): void {
  expect<Equal<keyof ParamsOf<"org/:org/room/:room">, "org" | "room">>();
  expect<Equal<keyof ParamsOf<"news">, never>>();
  expect<Equal<ParamsOf<"board/:id">, { readonly id: string | number }>>();
}

export function refused(): void {
  // @ts-expect-error no schema
  plainChannel({ message: String });
  // @ts-expect-error no such option
  plainChannel({ message: Point, histroy: {} });
  // @ts-expect-error what the hook gives is another message
  plainChannel({ message: Point, publish: () => "1" });
  // @ts-expect-error a rule gives yes or no
  plainChannel({ message: Point, allow: { subscribe: () => "yes" } });
  // @ts-expect-error a channel is no procedure
  plainMillrace({ procedures: { news: plainChannel({ message: Point }) } });
  // @ts-expect-error a procedure is no channel
  plainMillrace({ procedures: {}, channels: { news: procedure(() => 1) } });
  const needsUser = base.channel({ message: Point });
  // @ts-expect-error it needs a user, whom this app does not know
  plainMillrace({ procedures: {}, channels: { news: needsUser } });
  // @ts-expect-error a context must not hide what handlers find
  define<{ publish: string }>();
}
