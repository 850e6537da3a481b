/**
 * What a handler publishes is told to its caller before the answer, so that the client can wait until it has seen it.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { IncomingCall } from "./incoming_call.ts";
import type { Publisher } from "./publisher.ts";

/** Channels that are told of for one call; of more, those published to first are left out. */
const MOST = 64;

/** The channels as the handler of one call finds them: where it publishes is noted. */
export function tellingCaller(publisher: Publisher, call: IncomingCall): Publisher {
  return {
    channel(pattern, params) {
      const channel = publisher.channel(pattern, params);
      return {
        ...channel,
        async publish(message, options) {
          const published = await channel.publish(message, options);
          note(call, channel.name, published);
          return published;
        },
      };
    },
  };
}

function note(call: IncomingCall, name: string, { epoch, offset, fingerprint }: Position): void {
  const caused = call.caused ??= new Map();
  const before = caused.get(name);
  if (before !== undefined && before.epoch === epoch && before.offset > offset) return;
  caused.delete(name);
  caused.set(name, { epoch, offset, fingerprint });
  if (caused.size > MOST) caused.delete(caused.keys().next().value!);
}
