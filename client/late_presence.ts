/**
 * The presence of one channel as the program holds it, whether the code of channels is there already or not. Every page has this code: it is short.
 *
 * @module
 */
import { encodeMessage } from "../rpc/message_data.ts";
import type { Subscription } from "./channel_types.ts";
import type { LateChannels } from "./late_channels.ts";
import { LateSubscription } from "./late_subscription.ts";
import type { WatchArguments } from "./presence_arguments.ts";
import type { ClientPresence, PresenceWatch } from "./presence_types.ts";
import type { Presences } from "./presences.ts";
import { readWanted } from "./wanted.ts";

/** Passes everything on. What is told is encoded at once, since the program may change it. */
export function latePresence(name: string, late: LateChannels): ClientPresence<unknown, unknown> {
  const use = <T>(run: (presences: Presences) => Promise<T>, bytes?: Uint8Array) =>
    late.use((channels) => run(channels.presences), bytes);
  const tell = (method: "enter" | "update") => async (data?: unknown) => {
    const bytes = encodeMessage(data);
    return await use((presences) => presences[method](name, bytes), bytes);
  };
  return {
    enter: tell("enter"),
    update: tell("update"),
    leave: () => use((presences) => presences.leave(name)),
    get: (query) => use((presences) => presences.get(name, query)),
    watch: (...wanted: WatchArguments) => {
      const { made } = late;
      if (made !== undefined) return made.presences.watch(name, wanted);
      const [given = {}, handler] = wanted as unknown as Partial<Parameters<typeof readWanted>>;
      const watch = new LateSubscription(late, readWanted(given, handler), ({ presences }) => {
        return presences.watch(name, wanted) as unknown as Subscription<unknown>;
      });
      return watch as unknown as PresenceWatch<unknown>;
    },
  };
}
