/**
 * An inbox whose targets write down what they are told, and what they should be told of a vector.
 */
import { encode } from "../../msgpack/mod.ts";
import type { Position } from "../../rpc/broker.ts";
import { changeKind } from "../../rpc/change_kinds.ts";
import type { SubscribeOptionsOnWire } from "../../rpc/channel_messages.ts";
import type { ChannelReader, ControlEvents, Greeting } from "../../rpc/dispatch.ts";
import { type ChannelEvents, dispatchChannel } from "../../rpc/dispatch_channels.ts";
import type { CallError } from "../../rpc/errors.ts";
import { Assembly } from "../../rpc/assembly.ts";
import { Inbox, type InboxOwner } from "../../rpc/inbox.ts";
import { Flag, Kind } from "../../rpc/kinds.ts";
import { resolveLimits } from "../../rpc/limits.ts";
import { toHex } from "../msgpack_support.ts";
import { ManualClock } from "./manual_clock.ts";
import { type Fields, type KindName, type MessageFields, payloadBytes, payloadValue } from "./vectors.ts";
import { payload } from "./wire.ts";

/** What one target was told: its name and what it got. */
type Told = readonly unknown[];

type Range = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

/** The receiving half of one end, and what came of its frames. */
export class VectorInbox {
  readonly log: Told[] = [];
  /** Calls that came the short way. */
  plain = 0;
  readonly #inbox: Inbox;
  readonly #clock = new ManualClock();

  /** Expects the greeting. */
  constructor(role: "server" | "client") {
    const limits = resolveLimits();
    const targets = {
      clock: this.#clock,
      now: 0,
      limits,
      events: role === "server" ? this.#fromClient() : this.#fromServer(),
      ...this.#callTargets(),
      streams: this.#streams(),
      channels: reading(role === "server" ? this.#subscriptions() : this.#publications()),
      acknowledged: (received: number) => void this.log.push(["received", received]),
      acknowledgeSoon: () => void this.log.push(["fragment"]),
      makeAssembly: () => new Assembly(limits.message),
    };
    this.#inbox = new Inbox(targets as unknown as InboxOwner, role === "server" ? Kind.HELLO : Kind.WELCOME);
  }

  /** An inbox that has been greeted and has processed so many reliable messages. */
  static greeted(role: "server" | "client", { received }: { received: number }): VectorInbox {
    const inbox = new VectorInbox(role);
    const session = role === "server" ? null : new Uint8Array(16);
    inbox.receive(encode([role === "server" ? 0 : 1, 1, session, 0, payload({})]));
    for (let seq = 1; seq <= received; seq++) inbox.receive(encode([20, seq, seq]));
    inbox.log.length = 0;
    return inbox;
  }

  receive(frame: Uint8Array): void {
    this.#inbox.receive(frame);
  }

  #put(...told: unknown[]): void {
    this.log.push(told);
  }

  #fromClient(): ControlEvents {
    return {
      hello: (greeting) => this.#greeting("HELLO", greeting),
      pong: () => this.#put("PONG"),
      token: (payload) => this.#put("TOKEN", payload),
    };
  }

  #fromServer(): ControlEvents {
    return {
      welcome: (greeting) => this.#greeting("WELCOME", greeting),
      ping: () => this.#put("PING"),
      goodbye: (code, retryAfter) => this.#put("GOODBYE", code, retryAfter ?? null),
      expires: (remaining) => this.#put("EXPIRES", remaining ?? null),
    };
  }

  #greeting(kind: string, { version, session, received, payload }: Greeting): void {
    this.#put(kind, version, session === undefined ? null : toHex(session), received, payload);
  }

  #callTargets(): object {
    return {
      caller: {
        name: (number: number, name: string, idempotent: boolean) =>
          this.#put("NAME", number, name, idempotent ? 1 : 0),
        result: (id: number, unit: Range) => this.#put("RESULT", id, hexOf(unit)),
        error: (id: number, { code, flags, payload }: { code: string; flags: number; payload: unknown }) =>
          this.#put("ERROR", id, code, flags, payload),
        stream: (id: number, stream: number) => this.#put("STREAM", id, stream),
        caused: (id: number, caused: ReadonlyMap<string, Position>) =>
          this.#put("CAUSED", id, [...caused].map(([channel, at]) => [channel, ...placeOf(at)])),
      },
      callee: {
        acceptPlain: (method: number, id: number, bytes: Uint8Array, start: number, end: number) => {
          this.plain++;
          this.#put("CALL", id, method, null, null, hexOf({ bytes, start, end }));
          return true;
        },
        accept: (
          method: string | number,
          { id, deadline, items, ...unit }: Range & { id: number; deadline: number; items?: number },
        ) => {
          const timeout = deadline === Infinity ? null : deadline - this.#clock.now();
          this.#put("CALL", id, method, timeout, items ?? null, hexOf(unit));
        },
        cancel: (id: number) => this.#put("CANCEL", id),
      },
    };
  }

  #subscriptions(): ChannelEvents {
    return {
      subscribe: ({ sub, channel, position, rewind, changes, delta }) => {
        const at = position === undefined ? null : placeOf(position);
        const options = [rewind.rewind ?? null, rewind.rewindMs ?? null, changes, delta];
        this.#put("SUBSCRIBE", sub, channel, at, ...options);
      },
      unsubscribe: (sub) => this.#put("UNSUBSCRIBE", sub),
      seen: (alias, offset) => this.#put("SEEN", alias, offset),
      signal: (channel, unit) => this.#put("SIGNAL", channel, hexOf(unit)),
      watch: ({ watch, channel, isCounting, place }) =>
        this.#put("WATCH", watch, channel, isCounting, place ? [place.epoch, place.version] : null),
      unwatch: (watch) => this.#put("UNWATCH", watch),
      wildcard: ({ n, pattern, match }) => this.#put("WILDCARD", n, pattern, match),
      unwildcard: (n, error) => this.#put("UNWILDCARD", n, ...failure(error)),
    };
  }

  #publications(): ChannelEvents {
    return {
      subscribed: ({ sub, alias, status, position }) =>
        this.#put("SUBSCRIBED", sub, alias, status, ...placeOf(position)),
      unsubscribed: (sub, error) => this.#put("UNSUBSCRIBED", sub, ...failure(error)),
      publication: (alias, offset, fingerprint, unit, change) =>
        change === undefined ? this.#put("PUBLICATION", alias, offset, fingerprint, hexOf(unit)) : this.#put(
          "CHANGE",
          alias,
          offset,
          fingerprint,
          change.kind,
          change.target,
          change.by,
          hexOf(unit),
        ),
      delta: (alias, offset, fingerprint, unit) =>
        this.#put("DELTA", alias, offset, fingerprint, hexOf(unit)),
      gap: ({ alias, from, to, fingerprint, reason }) =>
        this.#put("GAP", alias, from, to, fingerprint, reason),
      skip: (alias, to, fingerprint) => this.#put("SKIP", alias, to, fingerprint),
      signalled: (alias, unit) => this.#put("SIGNALLED", alias, hexOf(unit)),
      watched: (watch, alias, unit) => this.#put("WATCHED", watch, alias, hexOf(unit)),
      presence: (alias, unit) => this.#put("PRESENCE", alias, hexOf(unit)),
      matched: (n, state, name) => this.#put("MATCHED", n, state, name),
      unwildcard: (n, error) => this.#put("UNWILDCARD", n, ...failure(error)),
    };
  }

  #streams(): object {
    return {
      unit: (id: number, n: number, unit: Range & { piece: boolean }) =>
        this.#put(unit.piece ? "PIECE" : "ITEM", id, n, hexOf(unit)),
      part: (id: number, n: number, unit: Range & { remaining: number }) =>
        this.#put("PART", id, n, unit.remaining, hexOf(unit)),
      finish: (id: number, n: number, error?: CallError) =>
        error === undefined ? this.#put("END", id, n) : this.#put("FAIL", id, n, ...failure(error)),
      credit: (id: number, n: number, limit: number) => this.#put("CREDIT", id, n, limit),
      stop: (id: number) => this.#put("STOP", id),
    };
  }
}

function placeOf({ epoch, offset, fingerprint }: Position): [string, number, number] {
  return [epoch, offset, fingerprint];
}

function hexOf({ bytes, start, end }: Range): string {
  return toHex(bytes.subarray(start, end));
}

function failure({ code, retryable, ambiguous, declared, message, data }: CallError): unknown[] {
  const flags = (retryable ? Flag.RETRYABLE : 0) + (ambiguous ? Flag.AMBIGUOUS : 0) +
    (declared ? Flag.DECLARED : 0);
  return [code, flags, declared ? data : { message, ...(data as object | undefined) }];
}

/** What targets should be told of these messages, in order. */
export function effects(messages: readonly MessageFields[]): Told[] {
  return messages.flatMap(({ kind, fields, completes }) => [
    ...told[kind](fields),
    ...(completes === undefined ? [] : effects([completes])),
  ]);
}

const told: Record<KindName, (fields: Fields) => Told[]> = {
  HELLO: (fields) => [["HELLO", ...greeting(fields)]],
  WELCOME: (fields) => [["WELCOME", ...greeting(fields)]],
  PING: ({ received }) => [["received", received], ["PING"]],
  PONG: ({ received }) => [["received", received], ["PONG"]],
  ACK: ({ received }) => [["received", received]],
  GOODBYE: ({ code, retryAfter }) => [["GOODBYE", code, retryAfter]],
  TOKEN: ({ payload }) => [["TOKEN", payloadValue(payload)]],
  EXPIRES: ({ remaining }) => [["EXPIRES", remaining]],
  NAME: ({ number, name, flags }) => [["NAME", number, name, flags]],
  FRAGMENT: () => [["fragment"]],
  CALL: ({ id, method, options, payload }) => {
    const { timeout = null, items = null } = typeof options === "number"
      ? { timeout: options }
      : options ?? {};
    return [["CALL", id, method, timeout, items, hex(payload)]];
  },
  RESULT: ({ id, payload }) => [["RESULT", id, hex(payload)]],
  ERROR: ({ id, code, flags, payload }) => [["ERROR", id, code, flags, payloadValue(payload)]],
  STREAM: ({ id, stream }) => [["STREAM", id, stream]],
  CANCEL: ({ id }) => [["CANCEL", id]],
  ITEM: ({ stream, n, payload }) => [["ITEM", stream, n, hex(payload)]],
  PIECE: ({ stream, n, payload }) => [["PIECE", stream, n, hex(payload)]],
  PART: ({ stream, n, remaining, payload }) => [["PART", stream, n, remaining, hex(payload)]],
  END: ({ stream, n }) => [["END", stream, n]],
  FAIL: ({ stream, n, code, flags, payload }) => [["FAIL", stream, n, code, flags, payloadValue(payload)]],
  CREDIT: ({ stream, n, limit }) => [["CREDIT", stream, n, limit]],
  STOP: ({ stream }) => [["STOP", stream]],
  CAUSED: ({ id, payload }) => [["CAUSED", id, payloadValue(payload)]],
  SUBSCRIBE: ({ sub, channel, position, options }) => {
    const { rewind = null, rewindMs = null, changes = false, delta = false } =
      (options ?? {}) as SubscribeOptionsOnWire;
    return [["SUBSCRIBE", sub, channel, position, rewind, rewindMs, changes, delta]];
  },
  SUBSCRIBED: ({ sub, alias, status, epoch, offset, fingerprint }) => [
    ["SUBSCRIBED", sub, alias, status, epoch, offset, fingerprint],
  ],
  UNSUBSCRIBED: (
    { sub, code, flags, payload },
  ) => [["UNSUBSCRIBED", sub, code, flags, payloadValue(payload)]],
  UNSUBSCRIBE: ({ sub }) => [["UNSUBSCRIBE", sub]],
  PUBLICATION: ({ alias, offset, fingerprint, payload }) => [
    ["PUBLICATION", alias, offset, fingerprint, hex(payload)],
  ],
  DELTA: ({ alias, offset, fingerprint, payload }) => [
    ["DELTA", alias, offset, fingerprint, hex(payload)],
  ],
  GAP: ({ alias, from, to, fingerprint, reason }) => [["GAP", alias, from, to, fingerprint, reason]],
  CHANGE: ({ alias, offset, fingerprint, change, target, by, payload }) => [
    ["CHANGE", alias, offset, fingerprint, changeKind(change), target, by ?? undefined, hex(payload)],
  ],
  SKIP: ({ alias, to, fingerprint }) => [["SKIP", alias, to, fingerprint]],
  SEEN: ({ alias, offset }) => [["SEEN", alias, offset]],
  SIGNAL: ({ channel, payload }) => [["SIGNAL", channel, hex(payload)]],
  SIGNALLED: ({ alias, payload }) => [["SIGNALLED", alias, hex(payload)]],
  WATCH: ({ watch, channel, options }) => {
    const { count = false, position = null } = (options ?? {}) as { count?: boolean; position?: unknown };
    return [["WATCH", watch, channel, count, position]];
  },
  WATCHED: ({ watch, alias, payload }) => [["WATCHED", watch, alias, hex(payload)]],
  PRESENCE: ({ alias, payload }) => [["PRESENCE", alias, hex(payload)]],
  UNWATCH: ({ watch }) => [["UNWATCH", watch]],
  WILDCARD: ({ n, pattern, match }) => [["WILDCARD", n, pattern, match]],
  MATCHED: ({ n, state, name }) => [["MATCHED", n, state, name]],
  UNWILDCARD: ({ n, code, flags, payload }) => [["UNWILDCARD", n, code, flags, payloadValue(payload)]],
};

function greeting({ version, session, received, payload }: Fields): Told {
  return [version, session, received, payloadValue(payload)];
}

function hex(payload: Fields["payload"]): string {
  return toHex(payloadBytes(payload));
}

function reading(channels: ChannelEvents): ChannelReader {
  return { read: (kind, frame, limits) => dispatchChannel(kind, frame, limits, channels) };
}
