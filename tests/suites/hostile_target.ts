/**
 * One attack on one connection: what is sent, and what has to come of it, in memory or over a socket.
 */
import { assert, assertEquals } from "@std/assert";
import { encode } from "../../msgpack/mod.ts";
import type { Limits } from "../../rpc/limits.ts";
import { Kind } from "../../rpc/kinds.ts";
import type { Probe } from "./hostile_app.ts";
import { greeting } from "./hostile_frames.ts";

/** How a call has to end: with this code, with this value, with any value (`"ok"`), or with a stream (`"stream"`). */
export type Answer = string | { readonly value: unknown };

/** What has to come of an attack: a close with this code, or the end of each call by its id, the connection living on. */
export type Expected =
  | { readonly close: number }
  | { readonly answers: Readonly<Record<number, Answer>> };

/** One row of the table. */
export interface Attack {
  /** The row of `faults.md`, or `"10"` for a limit of section 10 of the design. */
  readonly row: string;
  /** What is special about it. */
  readonly name: string;
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  /** What HELLO says. */
  readonly hello?: object;
  /** Nothing was said before: the frames begin with HELLO, or with something else. */
  readonly cold?: boolean;
  /** `authenticate` never answers. */
  readonly unanswered?: boolean;
  /** Only where the clock stands still, since it is about a rate to the last token. */
  readonly exact?: boolean;
  /** How many errors the program is told of. Default: 0. */
  readonly reports?: number;
  /** The frames, sent without waiting for anything. */
  readonly frames?: () => Iterable<Uint8Array>;
  /** What more is done and looked at, before the end that is expected. */
  readonly drive?: (target: Target) => Promise<void>;
  /** How it ends. */
  readonly expected: Expected;
}

/** What a server holds for its clients. */
export interface Held {
  readonly calls: number;
  readonly streams: number;
  readonly bytes: number;
}

/** One connection under attack. */
export interface Target {
  /** What happened in the handlers. */
  readonly probe: Probe;
  /** Sends one frame. */
  send(frame: Uint8Array): void;
  /** Whether the server has not closed, as far as is known when it has had time to. */
  isOpen(): Promise<boolean>;
  /** Cuts the connection, without a word. */
  cut(): void;
  /** Nothing is read from now on; or again. */
  read(on: boolean): void;
  /** The next message of the server, payload decoded; undefined when it has closed. */
  next(): Promise<unknown[] | undefined>;
  /** Everything the server sent so far. */
  readonly received: readonly Uint8Array[];
  /** The code of its close; waits for it. */
  closed(): Promise<number>;
  /** What the server holds. */
  held(): Held;
  /** Waits until `read` gives what is expected. */
  until(read: () => unknown, expected: unknown): Promise<void>;
}

/** Attacks, and asserts what is expected. */
export async function attack(
  target: Target,
  { cold, hello, frames, drive, expected }: Attack,
): Promise<void> {
  if (!cold) {
    target.send(greeting(hello));
    assertEquals((await target.next())?.[0], Kind.WELCOME, "WELCOME");
  }
  for (const frame of frames?.() ?? []) {
    target.send(frame);
    if (!await target.isOpen()) break;
  }
  await drive?.(target);
  if ("close" in expected) assertEquals(await target.closed(), expected.close, "close code");
  else await assertAnswers(target, expected.answers);
}

/** The next message of one of these kinds. */
export async function nextOf(target: Target, ...kinds: readonly number[]): Promise<unknown[]> {
  for (let message = await target.next(); message !== undefined; message = await target.next()) {
    if (kinds.includes(message[0] as number)) return message;
  }
  throw new Error(`closed with ${await target.closed()} before a message of kind ${kinds}`);
}

/** Everything that a caller was told, as text. */
export function textOf(target: Target): string {
  return target.received.map((frame) => new TextDecoder("latin1").decode(frame)).join("");
}

async function assertAnswers(target: Target, expected: Readonly<Record<number, Answer>>): Promise<void> {
  const missing = new Set(Object.keys(expected).map(Number));
  while (missing.size > 0) {
    const [kind, , id, ...rest] = await nextOf(target, Kind.RESULT, Kind.ERROR, Kind.STREAM);
    assert(missing.delete(id as number), `call ${id} ended, twice or unexpectedly`);
    const answer = expected[id as number]!;
    if (typeof answer === "object") assertValue(kind === Kind.RESULT ? rest[0] : rest, answer.value);
    else assertEquals(how(kind as number, rest), answer, `call ${id}`);
  }
}

function how(kind: number, [code]: unknown[]): unknown {
  if (kind === Kind.ERROR) return code;
  return kind === Kind.RESULT ? "ok" : "stream";
}

/** As bytes, since a member `constructor` is one like others there. */
function assertValue(actual: unknown, expected: unknown): void {
  assertEquals(encode(actual), encode(expected), "the bytes of the value");
}
