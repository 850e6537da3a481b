/**
 * A placeholder until the adapters are merged: ioredis alone.
 *
 * @module
 */
import { type RedisLink, RedisLostError, RedisReplyError, type Reply } from "./link.ts";

/** Placeholder. */
export function linkOf(client: object): RedisLink {
  // deno-lint-ignore no-explicit-any
  const user = client as any;
  const commands = user.duplicate({ autoResendUnfulfilledCommands: false });
  commands.on("error", () => {});
  return {
    command: (args) =>
      (commands.call(args[0]!, ...args.slice(1)) as Promise<Reply>).catch((error: Error) => {
        if (error.name === "ReplyError") throw new RedisReplyError(error.message);
        throw new RedisLostError(error.message);
      }),
    subscriber(events) {
      const pushes = user.duplicate();
      pushes.on("error", (error: unknown) => events.lost(error));
      let was = false;
      pushes.on("ready", () => {
        if (was) events.restored();
        was = true;
      });
      pushes.on("smessage", events.message);
      return {
        subscribe: async (channel) => void await pushes.ssubscribe(channel),
        unsubscribe: (channel) => void pushes.sunsubscribe(channel).catch(() => {}),
        close: async () => void pushes.disconnect(),
      };
    },
    onConnect(listener) {
      commands.on("ready", listener);
      return () => commands.off("ready", listener);
    },
    close: async () => void commands.disconnect(),
  };
}
