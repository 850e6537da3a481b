/**
 * Rules and hooks of channels that run for one connection. What has not ended counts, whether or not its subscription is still there: a client that subscribes and
 * goes at once must not make the program do any amount of work at the same time.
 *
 * @module
 */
import type { ErasedRule } from "./channel_definition.ts";
import { type Asker, channelContext, inTime, type NamedChannel, refusalOf } from "./channel_rules.ts";
import type { Clock } from "./clock.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** What it needs. */
export interface ProgramRulesParts {
  /** Time. */
  readonly clock: Clock;
  /** Of which `channels` bounds what runs at once, and `callTimeout` how long it counts. */
  readonly limits: Pick<Limits, "channels" | "callTimeout">;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown) => void;
}

/** What a rule says: `undefined` where it may. */
export type Answer = MaybePromise<CallError | undefined>;

/** The rules and hooks of one connection. */
export class ProgramRules {
  readonly #parts: ProgramRulesParts;
  readonly #asker: Asker;
  #running = 0;

  /** None runs yet. */
  constructor(parts: ProgramRulesParts, asker: Asker) {
    this.#parts = parts;
    this.#asker = asker;
  }

  /** Whether so many run that nothing may start one more. */
  get isFull(): boolean {
    return this.#running >= this.#parts.limits.channels;
  }

  /** Asks rules, one after the other, until one says no. All of them together have `limits.callTimeout`, as a call has. */
  ask(channel: NamedChannel, ...rules: readonly (ErasedRule | undefined)[]): Answer {
    const answer = this.askUncounted(channel, ...rules);
    return isPromise(answer) ? this.#counted(answer) : answer;
  }

  /** The same for who bounds what waits by other means. */
  askUncounted(channel: NamedChannel, ...rules: readonly (ErasedRule | undefined)[]): Answer {
    const answer = this.#inTurn(channel, rules);
    if (!isPromise(answer)) return answer;
    return this.#timed(answer, () => {
      this.#late(`A rule of the channel "${channel.name}"`);
      return new CallError("INTERNAL");
    });
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
      return this.#counted(this.#timed(ended, () => this.#late(`A hook of the channel "${channel.name}"`)));
    } catch (error) {
      report(error);
      return undefined;
    }
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

  /** Counts until it has ended, or has had its time. */
  #counted<T>(timed: Promise<T>): Promise<T> {
    this.#running++;
    const done = () => void this.#running--;
    timed.then(done, done);
    return timed;
  }

  #late(what: string): void {
    this.#parts.report(new Error(`${what} has not answered in ${this.#parts.limits.callTimeout} ms`));
  }
}
