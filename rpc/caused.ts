/**
 * What a handler publishes is told to its caller before the answer, so that the client can wait until it has seen it.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { Published } from "./channel_types.ts";
import type { IncomingCall } from "./incoming_call.ts";
import type { Publisher } from "./publisher.ts";

/** Channels that are told of for one call. Of more none is, which an empty list says; with names of 20 bytes these are 50 KB. */
const MOST = 1_000;
/** Bytes of one CAUSED: no larger message fits every peer, or may be passed by a small answer while the socket is full. */
const MOST_BYTES = 900;
/** Bytes of an entry beside its texts. */
const ENTRY_BYTES = 24;

/** The channels as the handler of one call finds them: where it publishes is noted. */
export function tellingCaller(publisher: Publisher, call: IncomingCall): Publisher {
  return {
    channel(pattern, params) {
      const channel = publisher.channel(pattern, params);
      const told = <A extends unknown[]>(act: (...given: A) => Promise<Published>) => async (...given: A) => {
        const published = await act(...given);
        note(call, channel.name, published);
        return published;
      };
      return {
        ...channel,
        publish: told(channel.publish),
        edit: told(channel.edit),
        append: told(channel.append),
        delete: told(channel.delete),
        react: told(channel.react),
        unreact: told(channel.unreact),
      };
    },
  };
}

function note(call: IncomingCall, name: string, { epoch, offset, fingerprint }: Position): void {
  const caused = call.caused ??= new Map();
  if (call.publishedTooWidely) return;
  const before = caused.get(name);
  if (before !== undefined && before.epoch === epoch && before.offset > offset) return;
  caused.delete(name);
  caused.set(name, { epoch, offset, fingerprint });
  if (caused.size <= MOST) return;
  caused.clear();
  call.publishedTooWidely = true;
}

/** What is told, one message after the other. */
export function* causedMessages(caused: ReadonlyMap<string, Position>): Generator<[string, Position][]> {
  let message: [string, Position][] = [];
  let bytes = 0;
  for (const [name, position] of caused) {
    const size = (name.length + position.epoch.length) * 3 + ENTRY_BYTES;
    if (bytes + size > MOST_BYTES && message.length > 0) {
      yield message;
      [message, bytes] = [[], 0];
    }
    message.push([name, position]);
    bytes += size;
  }
  yield message;
}
