/**
 * The presence of one channel as the program holds it, whether the code of channels is there already or not. Every page has this code: it is short.
 *
 * @module
 */
import { encodeMessage } from "../rpc/message_data.ts";
import type { LateChannels } from "./late_channels.ts";
import type { LateWatch, WatchArguments } from "./presence_arguments.ts";
import type { ClientPresence, PresenceWatch } from "./presence_types.ts";
import type { Presences } from "./presences.ts";

/** Passes everything on. What is told is encoded at once, since the program may change it. */
export function latePresence(name: string, late: LateChannels): ClientPresence<unknown, unknown> {
  const use = <T>(run: (presences: Presences) => Promise<T>) =>
    late.use((channels) => run(channels.presences));
  const tell = (method: "enter" | "update") => async (data?: unknown) => {
    const bytes = encodeMessage(data);
    return await use((presences) => presences[method](name, bytes));
  };
  return {
    enter: tell("enter"),
    update: tell("update"),
    leave: () => use((presences) => presences.leave(name)),
    get: (query) => use((presences) => presences.get(name, query)),
    watch: (...wanted: WatchArguments) => {
      const its: LateWatch = {};
      const ready = use((presences) => presences.late(name, wanted, its));
      ready.catch(() => {}); // who reads is told
      const watch: PresenceWatch<unknown> = {
        get view() {
          return its.made?.view;
        },
        close: () => {
          its.isClosed = true;
          its.made?.close();
        },
        next: async () => {
          await ready;
          return its.made!.next();
        },
        return: () => {
          watch.close();
          return Promise.resolve({ done: true, value: undefined });
        },
        [Symbol.asyncIterator]: () => watch,
      };
      return watch;
    },
  };
}
