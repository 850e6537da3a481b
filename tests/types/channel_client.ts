// Channels as a client holds them. Compiled, never run.
import {
  type ChannelEvent,
  connect,
  type HistoryPage,
  type Position,
  type Published,
  type Subscription,
  type WildcardEvent,
  type WildcardSubscription,
} from "../../client/mod.ts";
import type { App, Small } from "./channels.ts";
import { type Equal, expect } from "./expect.ts";

interface Point {
  x: number;
  y: number;
}

export async function program(): Promise<void> {
  await using app = connect<Small>("wss://example.org/rpc");
  const board = app.channel("board/:id", { id: "7" });
  for await (const event of board.subscribe({ rewind: 50 })) {
    expect<Equal<typeof event, ChannelEvent<Point>>>();
    if (event.type === "message") expect<Equal<typeof event.data, Point>>();
    else if (event.type === "gap") console.log(event.from, event.to, event.reason);
    else expect<Equal<typeof event.reason, "epoch" | "history">>();
    expect<Equal<typeof event.position, Position>>();
  }
  const published = await board.publish({ x: 1, y: 2 });
  expect<Equal<typeof published, Published>>();
}

export async function everything(): Promise<void> {
  await using app = connect<App>("wss://example.org/rpc");
  const board = app.channel("board/:id", { id: 7 });
  await board.publish({ x: 1 }, { timeout: 5_000, signal: AbortSignal.timeout(9) }); // y has a default
  const subscription = board.subscribe((event) => {
    if (event.type === "message") expect<Equal<typeof event.data, Point>>();
  });
  expect<Equal<typeof subscription, Subscription<Point>>>();
  const { position } = subscription;
  board.subscribe({ position }, async (event) => await Promise.resolve(event));
  board.subscribe({ rewindMs: 60_000, signal: AbortSignal.timeout(9), onError: console.error }, () => {});
  expect<Equal<Awaited<ReturnType<typeof subscription.reaches>>, boolean>>();
  const page = await board.history({ before: 10, limit: 5 });
  expect<Equal<typeof page, HistoryPage<Point>>>();
  await board.history({ after: page.position });
  expect<Equal<ReturnType<typeof board.signal>, boolean>>();
  board.signal({ cursor: 1 });
  const stop = board.onSignal(({ cursor }) => expect<Equal<typeof cursor, number>>());
  stop();
  await app.channel("news").publish(new Date());
  app.channel("org/:org/room/:room", { org: "a", room: "b" }).subscribe();
  app.channel("cursors").signal(1);
  const desk = app.channel("desk/:id", { id: 7 }).presence;
  expect<Equal<ReturnType<typeof desk.enter>, Promise<string>>>();
  await desk.enter({ name: "Ada" });
  await desk.update({ name: "Ada", color: "blue" });
  desk.watch(({ members, users, count }) => {
    expect<Equal<(typeof members)[number]["data"], { name: string; color: string }>>();
    expect<Equal<(typeof users)[number]["user"], string | undefined>>();
    expect<Equal<typeof count, number>>();
  });
  for await (const { count } of desk.watch({ countOnly: true })) if (count > 9) break;
  const all = await desk.get({ after: "a", limit: 5 });
  expect<Equal<(typeof all.members)[number]["data"], { name: string; color: string }>>();
  await app.channel("lobby").presence.enter();
}

export function refused(): void {
  const app = connect<App>("wss://example.org/rpc");
  const board = app.channel("board/:id", { id: "7" });
  // @ts-expect-error no such channel
  app.channel("boards/:id", { id: "7" });
  // @ts-expect-error a name is no pattern
  app.channel("board/7");
  // @ts-expect-error a missing parameter
  app.channel("board/:id", {});
  // @ts-expect-error the parameters are missing
  app.channel("board/:id");
  // @ts-expect-error a parameter of another name
  app.channel("board/:id", { name: "7" });
  // @ts-expect-error a parameter too many
  app.channel("board/:id", { id: "7", name: "7" });
  // @ts-expect-error a pattern without parameters takes none
  app.channel("news", { id: "7" });
  // @ts-expect-error a wrong message
  void board.publish({ x: "1" });
  // @ts-expect-error a field too many
  void board.publish({ x: 1, z: 2 });
  // @ts-expect-error no message
  void board.publish();
  // @ts-expect-error nothing is published there
  void app.channel("cursors").publish(1);
  // @ts-expect-error there are no signals
  app.channel("news").signal(1);
  // @ts-expect-error a wrong signal
  board.signal({ cursor: "1" });
  // @ts-expect-error no such option
  board.subscribe({ rewnd: 50 });
  // @ts-expect-error a member without its data
  void app.channel("desk/:id", { id: 7 }).presence.enter();
  // @ts-expect-error wrong data
  void app.channel("desk/:id", { id: 7 }).presence.enter({ name: 7 });
  // @ts-expect-error nobody is told who is there
  void app.channel("news").presence.enter({ name: "Ada" });
  board.subscribe({ filter: { x: { gte: 1, lt: 5, exists: true } }, policy: { sample: 2, by: ["y"] } });
  // @ts-expect-error no number begins with a text
  board.subscribe({ filter: { x: { prefix: "1" } } });
  // @ts-expect-error the newest, or so many a second
  board.subscribe({ policy: { latest: true, sample: 2 } });
  // @ts-expect-error latest names its field itself
  board.subscribe({ policy: { latest: true, by: ["x"] } });
  // @ts-expect-error an offset is no position
  board.subscribe({ position: 7 });
}

export function wildcards(): void {
  const app = connect<Small>("wss://example.org/rpc");
  const boards = app.channels("board/:id");
  boards.subscribe({ rewind: 5 }, (event) => {
    expect<Equal<typeof event, WildcardEvent<Point, { readonly id: string }>>>();
    expect<Equal<typeof event.channel.params.id, string>>();
    if (event.type === "message") expect<Equal<typeof event.data, Point>>();
  });
  app.channels("board/:id", { id: 7 }).subscribe(async (event) => await Promise.resolve(event));
  expect<Equal<ReturnType<typeof boards.subscribe>, WildcardSubscription<Point, { readonly id: string }>>>();
  // @ts-expect-error: there is no such parameter
  app.channels("board/:id", { name: 7 });
  // @ts-expect-error: there is no such pattern
  app.channels("boards/:id");
  // @ts-expect-error: a wildcard is in many places
  boards.subscribe({ position: { epoch: "", offset: 0, fingerprint: 0 } });
}
