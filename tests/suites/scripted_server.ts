/**
 * A server core with one procedure, fed by hand, whose handler does what the test says: by the short way of a small call and
 * by the long one.
 */
import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import type { CallContext } from "../../rpc/context.ts";
import { anything, gauges, NOTHING, Pair, type PairOptions, procedure } from "./pair.ts";
import { frameOf, type Message, messagesOf, payload } from "./wire.ts";

/** Which way a call takes: options, even none in a map, are for the long one. */
export type Way = "short" | "long";

/** Both. */
export const WAYS: readonly Way[] = ["short", "long"];

/** What the handler of a {@linkcode ScriptedServer} does. */
export type Script = (input: unknown, context: CallContext) => unknown;

/** A server that has announced its procedure `run` as number 1. */
export class ScriptedServer {
  readonly pair: Pair;
  /** What the handler does. */
  script: Script = () => undefined;
  /** Calls that took the short way. */
  plain = 0;
  /** Calls that took the long one. */
  long = 0;
  #last = 0;
  #read = 0;

  private constructor(pair: Pair) {
    this.pair = pair;
  }

  /** `others` may be called beside `run`. */
  static async open(
    options: PairOptions = {},
    others: Record<string, unknown> = {},
  ): Promise<ScriptedServer> {
    const run = procedure({ input: anything }, (input, context) => server.script(input, context));
    const pair = await Pair.open({ ...options, procedures: { run, ...others } });
    const server: ScriptedServer = new ScriptedServer(pair);
    pair.server.pipe.deliver = () => {}; // the client of the pair has said HELLO and says no more
    const { callee } = pair.server.peer;
    const acceptPlain = callee.acceptPlain.bind(callee);
    callee.acceptPlain = (...call) => {
      const is = acceptPlain(...call);
      if (is) server.plain++;
      return is;
    };
    const accept = callee.accept.bind(callee);
    callee.accept = (...call) => {
      server.long++;
      accept(...call);
    };
    server.feed(server.message("run"));
    await pair.clock.settle();
    server.sent();
    server.long = 0;
    return server;
  }

  /** A CALL with the next sequence and id. `input` may be the bytes of a payload. */
  message(method: string | number, input?: unknown, options: unknown = null): Message {
    const id = ++this.#last;
    return [16, id, id, method, options, input instanceof Uint8Array ? input : payload(input)];
  }

  /** A CALL of `run` that takes this way. */
  runMessage(way: Way, input?: unknown): Message {
    return this.message(1, input, way === "short" ? null : {});
  }

  /** The server takes one frame of these messages. */
  feed(...messages: Message[]): void {
    this.pair.server.peer.receive(frameOf(...messages));
  }

  /** Calls `run` this way. Returns what it has led to when the frame was read. */
  run(way: Way, input?: unknown): unknown[][] {
    this.feed(this.runMessage(way, input));
    return this.sent();
  }

  /** Everything that was written since this was asked last, made to leave. */
  sent(): unknown[][] {
    this.pair.server.peer.outbox.flush();
    return this.frames().flatMap(messagesOf);
  }

  /** The same as frames. */
  frames(): Uint8Array[] {
    const frames = this.pair.server.pipe.frames.slice(this.#read);
    this.#read += frames.length;
    return frames;
  }

  /** Lets everything happen that happens now. Returns what left. */
  async settle(): Promise<unknown[][]> {
    await this.pair.clock.settle();
    return this.sent();
  }
}

/** The payload that names byte stream `id`, and nothing else. */
export function streamPayload(id: number): Uint8Array {
  return Uint8Array.of(0xd6, 1, 0, 0, 0, id);
}

/** The payload of a list that names byte streams. */
export function streamsPayload(...ids: number[]): Uint8Array {
  return Uint8Array.from([0x90 | ids.length, ...ids.flatMap((id) => [...streamPayload(id)])]);
}

/** Kind, id, and value or code of answers; what else was sent by its kind. */
export function brief(messages: unknown[][]): unknown[][] {
  return messages.map(([kind, , id, what]) => kind === 17 || kind === 18 ? [kind, id, what] : [kind]);
}

/** Asserts that nothing is left on the server, and that it can still answer. */
export async function assertGoesOn(server: ScriptedServer, id: number): Promise<void> {
  await server.settle();
  assertEquals(gauges(server.pair.server), NOTHING);
  assertEquals(server.pair.clock.pending, 0, "timers");
  server.script = () => "next";
  server.feed(server.message(1));
  assertEquals(brief(await server.settle()), [[17, id, "next"]]);
  assertEquals(server.pair.server.faults, []);
}

/** Asserts that the connection is over, nothing was said, and nothing is left. */
export async function assertOver(server: ScriptedServer): Promise<void> {
  assertEquals(await server.settle(), []);
  assertEquals(gauges(server.pair.server), NOTHING);
  assertEquals(server.pair.clock.pending, 0, "timers");
  assertEquals(server.pair.server.failures, []);
}

/** Defines a test on a server that is held to having been called this way. */
export type Define = (
  what: string,
  test: (server: ScriptedServer) => Promise<void> | void,
  ...options: Parameters<typeof ScriptedServer.open>
) => void;

/** What defines tests of calls that take this way. */
export function definer(way: Way): Define {
  return (what, test, ...options) =>
    it(what, async () => {
      const server = await ScriptedServer.open(...options);
      await test(server);
      assert(way === "short" ? server.plain > 0 : server.long > 0, `no call took the ${way} way`);
    });
}
