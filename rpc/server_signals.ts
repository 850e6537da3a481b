/**
 * What one connection signals to others: allowed, of the right form, in the order in which it came.
 *
 * @module
 */
import { decodeRange } from "../msgpack/decoder.ts";
import { inTime, type NamedChannel } from "./channel_rules.ts";
import type { ClientWork } from "./client_work.ts";
import type { Clock } from "./clock.ts";
import { isPromise } from "./iterating.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { encodeMessage } from "./message_data.ts";
import type { NodeChannels } from "./node_channels.ts";
import type { ProgramRules } from "./program_rules.ts";
import { isTooMuch, UNUSED, use } from "./rate.ts";
import type { Unit } from "./receiver.ts";
import { validate } from "./schema.ts";
import { SignalLine } from "./signal_line.ts";
import { turnOf } from "./turn.ts";

/** What is needed of the node. */
export interface SignalParts {
  /** Time, and turns. */
  readonly clock: Clock;
  /** Bounds. */
  readonly limits: Limits;
  /** Where signals go. */
  readonly channels: Pick<NodeChannels, "signal" | "work">;
}

/** The signals of one connection. What comes faster than the limit allows, or than rules and schemas are done with, is lost: a signal has no answer. */
export class ServerSignals {
  readonly #parts: SignalParts;
  readonly #from: { readonly id: string; readonly rules: ProgramRules; readonly work: ClientWork };
  /** What was used of the rate: see `use`. */
  #used = UNUSED;
  readonly #line = new SignalLine();
  /** Whether a rule or a schema has taken time: then each has bytes of its own, since what waits must not keep its whole frame. */
  #waits = false;

  /** @param from Who signals, by what others know of it, the rules that it is asked by, and what counts as its work. */
  constructor(
    parts: SignalParts,
    from: { readonly id: string; readonly rules: ProgramRules; readonly work: ClientWork },
  ) {
    this.#parts = parts;
    this.#from = from;
  }

  /**
   * One has come.
   *
   * @param unit Its value, encoded, in a frame that is read until this returns.
   * @param find Gives the channel.
   */
  take({ bytes, start, end }: Unit, find: () => NamedChannel | undefined): void {
    const { clock, limits } = this.#parts;
    const now = turnOf(clock).now();
    const used = use(this.#used, 1, limits.signalRate, now);
    if (isTooMuch(used, now)) return;
    this.#used = used;
    const channel = find();
    if (channel?.value.signal === undefined) return;
    const size = end - start;
    const own = this.#waits ? bytes.slice(start, end) : undefined;
    const value = size === 0
      ? undefined
      : own === undefined
      ? decodeRange(bytes, start, end, limits)
      : decodeRange(own, 0, size, limits);
    if (this.#line.isFull(size) || this.#from.work.isLeftFull) return;
    const sending = this.#sending(channel, value);
    if (isPromise(sending)) this.#waits = true;
    this.#line.add((own ?? bytes).length, sending);
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#line.end();
  }

  /** What sends it, where it may be sent. */
  #sending(channel: NamedChannel, value: unknown): MaybePromise<(() => void) | undefined> {
    const refusal = this.#from.rules.askUncounted(channel, channel.value.allow.signal);
    if (isPromise(refusal)) {
      return refusal.then((no) => no === undefined ? this.#valid(channel, value) : undefined);
    }
    return refusal === undefined ? this.#valid(channel, value) : undefined;
  }

  #valid(channel: NamedChannel, value: unknown): MaybePromise<(() => void) | undefined> {
    const { channels, limits: { callTimeout: ms } } = this.#parts;
    const sending = (valid: unknown) => {
      const data = encodeMessage(valid);
      return () => channels.signal(channel, data, this.#from.id);
    };
    try {
      const valid = validate(channel.value.signal!, value);
      if (!isPromise(valid)) return sending(valid);
      const later = Promise.resolve(valid).then(sending).catch(() => undefined);
      const { work } = this.#from;
      return work.noted(
        inTime<(() => void) | undefined>(later, { clock: channels.work, ms }, () => undefined),
      );
    } catch {
      return undefined; // BAD_INPUT, for nobody
    }
  }
}
