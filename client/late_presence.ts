/**
 * The presence of one channel as the program holds it, whether the code of channels is there already or not. Every page has this code: it is short.
 *
 * @module
 */
import { encodeMessage } from "../rpc/message_data.ts";
import type { LateChannels } from "./late_channels.ts";
import { type LateWatch, readWatch, type WatchArguments } from "./presence_arguments.ts";
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
    watch: (...wanted: WatchArguments) => lateWatch(name, late, wanted),
  };
}

/** A watch that may be closed before the code is there. */
function lateWatch(name: string, late: LateChannels, wanted: WatchArguments): PresenceWatch<unknown> {
  const { handler, signal, onError } = readWatch(wanted); // who gives what is none is told now
  const its: LateWatch = {};
  const closed = Promise.withResolvers<void>();
  const close = () => {
    its.isClosed = true;
    its.made?.close();
    closed.resolve();
    signal?.removeEventListener("abort", close);
  };
  signal?.addEventListener("abort", close); // before anything is kept: it may be none
  if (signal?.aborted) close();
  const { isOver } = late;
  const ready = late.use(({ presences }) => presences.late(name, wanted, its));
  const forget = () => signal?.removeEventListener("abort", close);
  ready.then(forget, (error) => {
    forget();
    if (its.isClosed || handler === undefined || isOver) return; // who reads is told; an `onError` may watch anew
    try {
      if (onError !== undefined) onError(error);
      else if (error.code !== "CLOSED") late.report(error);
    } catch (failure) {
      late.report(failure);
    }
  });
  const watch: PresenceWatch<unknown> = {
    get view() {
      return its.made?.view;
    },
    close,
    next: async () => {
      await Promise.race([closed.promise, ready]);
      return await its.made?.next() ?? DONE;
    },
    return: () => {
      close();
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator]: () => watch,
  };
  return watch;
}

const DONE: IteratorResult<never, undefined> = { done: true, value: undefined };
