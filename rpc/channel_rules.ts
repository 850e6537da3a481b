/**
 * Who may do what with a channel, asked of the program.
 *
 * @module
 */
import type { ChannelDefinition, ErasedRule } from "./channel_definition.ts";
import type { FoundChannel } from "./channel_names.ts";
import type { CallerConnection } from "./context.ts";
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
 * Asks a rule. One that throws says no; its reason is reported, and nobody is told.
 *
 * @returns Whether it is allowed: at once when the rule is synchronous.
 */
export function isAllowed(
  rule: ErasedRule | undefined,
  { channel, asker, report }: { channel: NamedChannel; asker: Asker; report: (error: unknown) => void },
): MaybePromise<boolean> {
  if (rule === undefined) return true;
  const no = (error: unknown) => {
    report(error);
    return false;
  };
  try {
    const allowed: unknown = rule(channelContext(channel, asker));
    return isPromise(allowed) ? Promise.resolve(allowed).then((is) => is === true, no) : allowed === true;
  } catch (error) {
    return no(error);
  }
}

/** Tells a hook of the program. Nothing it does may escape. */
export function runHook(hook: () => unknown, report: (error: unknown) => void): void {
  try {
    const later = hook();
    if (isPromise(later)) Promise.resolve(later).catch(report);
  } catch (error) {
    report(error);
  }
}
