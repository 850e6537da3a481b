/**
 * Who may do what with a channel, asked of the program.
 *
 * @module
 */
import type { ChannelDefinition, ErasedRule } from "./channel_definition.ts";
import type { FoundChannel } from "./channel_names.ts";
import type { Clock } from "./clock.ts";
import type { CallerConnection } from "./context.ts";
import { CallError, tellable } from "./errors.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { isPromise } from "./iterating.ts";

/** A channel of the app, found by its name. */
export interface NamedChannel extends FoundChannel<ChannelDefinition> {
  /** Its name. */
  readonly name: string;
}

/** Who asks. */
export interface Asker {
  /** Whose connection it is. */
  readonly connection: CallerConnection;
  /** What `authenticate` gave. */
  readonly context: object;
}

/** What rules and hooks of a channel are given: the context of the app, and the channel. */
export function channelContext({ name, params }: NamedChannel, { connection, context }: Asker): object {
  return { ...context, channel: name, params, connection };
}

/**
 * Asks a rule.
 *
 * @returns `undefined` where it is allowed, or what who asks is told: as if there were no such channel where the rule says no, what it throws where
 * that is a `CallError` for callers, and `INTERNAL`, the reason reported, where it failed. At once when the rule is synchronous.
 */
export function refusalOf(
  rule: ErasedRule | undefined,
  { channel, asker, report }: { channel: NamedChannel; asker: Asker; report: (error: unknown) => void },
): MaybePromise<CallError | undefined> {
  if (rule === undefined) return undefined;
  const answered = (is: unknown) => is === true ? undefined : noChannel();
  const failed = (thrown: unknown) => {
    const error = tellable(thrown, undefined);
    if (error.code !== "INTERNAL") return error;
    report(error.cause ?? error);
    return new CallError("INTERNAL");
  };
  try {
    const allowed: unknown = rule(channelContext(channel, asker));
    return isPromise(allowed) ? Promise.resolve(allowed).then(answered, failed) : answered(allowed);
  } catch (error) {
    return failed(error);
  }
}

/** An answer, or what `late` gives after `ms`; 0 is no bound. */
export function inTime<T>(
  answer: Promise<T>,
  { clock, ms }: { readonly clock: Pick<Clock, "setTimeout" | "clearTimeout">; readonly ms: number },
  late: () => T,
): Promise<T> {
  if (ms === 0) return answer;
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => resolve(late()), ms);
    answer.then((value) => {
      clock.clearTimeout(timer);
      resolve(value);
    }, (error) => {
      clock.clearTimeout(timer);
      reject(error);
    });
  });
}

/** The answer to a channel that does not exist and to one that the client may not know of: the same. */
export function noChannel(): CallError {
  return new CallError("NOT_FOUND", "There is no such channel, or the client may not know of it");
}
