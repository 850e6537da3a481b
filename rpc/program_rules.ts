/**
 * Rules and hooks of channels that run for one connection, each in its time. What runs counts: see `client_work.ts`.
 *
 * @module
 */
import type { ErasedRule } from "./channel_definition.ts";
import { type Asker, channelContext, inTime, type NamedChannel, refusalOf } from "./channel_rules.ts";
import type { ClientWork, NodeWork } from "./client_work.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** What it needs. */
export interface ProgramRulesParts {
  /** Time. */
  readonly clock: Pick<NodeWork, "setTimeout" | "clearTimeout">;
  /** What runs, and may. */
  readonly work: ClientWork;
  /** Of which `callTimeout` says how long it counts. */
  readonly limits: Pick<Limits, "callTimeout">;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
}

/** What a rule says: `undefined` where it may. */
export type Answer = MaybePromise<CallError | undefined>;

/** The rules and hooks of one connection. */
export class ProgramRules {
  readonly #parts: ProgramRulesParts;
  readonly #asker: Asker;

  /** None runs yet. */
  constructor(parts: ProgramRulesParts, asker: Asker) {
    this.#parts = parts;
    this.#asker = asker;
  }

  /** Asks rules, one after the other, until one says no. All of them together have `limits.callTimeout`, as a call has. */
  ask(channel: NamedChannel, ...rules: readonly (ErasedRule | undefined)[]): Answer {
    const answer = this.#ask(channel, rules);
    return isPromise(answer) ? this.#parts.work.counted(answer) : answer;
  }

  /** The same for who bounds what waits by other means. */
  askUncounted(channel: NamedChannel, ...rules: readonly (ErasedRule | undefined)[]): Answer {
    const answer = this.#ask(channel, rules);
    return isPromise(answer) ? this.#parts.work.noted(answer) : answer;
  }

  /** Tells a hook, `after` another has ended. Nothing it does escapes. */
  hook(
    channel: NamedChannel,
    hook: ((context: object) => unknown) | undefined,
    after?: Promise<void>,
  ): Promise<void> | undefined {
    if (after !== undefined) return after.then(() => this.hook(channel, hook));
    if (hook === undefined) return undefined;
    const { report } = this.#parts;
    try {
      const given = hook(channelContext(channel, this.#asker));
      if (!isPromise(given)) return undefined;
      const ended = Promise.resolve(given).then(() => {}, report);
      const timed = this.#timed(ended, () => this.#late(`A hook of the channel "${channel.name}"`));
      return this.#parts.work.counted(timed);
    } catch (error) {
      report(error);
      return undefined;
    }
  }

  #ask(channel: NamedChannel, rules: readonly (ErasedRule | undefined)[]): Answer {
    const answer = this.#inTurn(channel, rules);
    if (!isPromise(answer)) return answer;
    return this.#timed(answer, () => {
      this.#late(`A rule of the channel "${channel.name}"`);
      return new CallError("INTERNAL");
    });
  }

  #inTurn(channel: NamedChannel, [rule, ...rest]: readonly (ErasedRule | undefined)[]): Answer {
    const { report } = this.#parts;
    const refusal = refusalOf(rule, { channel, asker: this.#asker, report });
    if (rest.length === 0) return refusal;
    if (isPromise(refusal)) return refusal.then((no) => no ?? this.#inTurn(channel, rest));
    return refusal ?? this.#inTurn(channel, rest);
  }

  #timed<T>(answer: Promise<T>, late: () => T): Promise<T> {
    const { clock, limits: { callTimeout: ms } } = this.#parts;
    return inTime(answer, { clock, ms }, late);
  }

  #late(what: string): void {
    this.#parts.report(new Error(`${what} has not answered in ${this.#parts.limits.callTimeout} ms`));
  }
}
