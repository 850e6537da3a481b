/**
 * Channels by plain `POST`: `@publish/<channel>` and `@history/<channel>` stand for calls of the procedures of that name, with bodies that need
 * no bytes inside.
 *
 * @module
 */
import { CallError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message_data.ts";
import { isMap } from "./options.ts";
import type { CallRequest } from "./outgoing_call.ts";

/** What a request to a channel stands for. */
export interface ChannelPost {
  /** The call that is made. */
  request(called: CallRequest): CallRequest;
  /** The body of the answer. */
  answer(value: unknown): unknown;
}

/** What a request stands for, if its name is one of these two. */
export function channelPost(
  name: string,
  limits: Limits,
): ChannelPost | undefined {
  const slash = name.indexOf("/");
  const [method, channel] = [name.slice(0, slash), name.slice(slash + 1)];
  if (method === "@publish") return publish(channel);
  return method === "@history" ? history(channel, limits) : undefined;
}

/** The key of the request is that of the publication, which the stream remembers: not one of a call, whose reply would be kept beside. */
function publish(channel: string): ChannelPost {
  return {
    request: ({ options: { key, ...options }, ...called }) => ({
      ...called,
      method: "@publish",
      input: [channel, 0, encodeMessage(called.input), key === undefined ? null : { key }],
      options,
    }),
    answer: (value) => {
      const [epoch, offset, fingerprint, durability] = value as unknown[];
      return { epoch, offset, fingerprint, durability };
    },
  };
}

function history(channel: string, limits: Limits): ChannelPost {
  return {
    request: ({ options: { timeout }, ...called }) => {
      const { input = {} } = called;
      if (!isMap(input)) {
        throw new CallError("BAD_INPUT", "Expected a map with before, after, limit or filter");
      }
      const { before, after, limit, filter } = input; // the rest stays behind: it may be large
      const query = { channel, before, after, limit, filter, changes: true };
      return { ...called, method: "@history", input: query, options: { timeout } }; // a read has no use for a key
    },
    answer: (value) => {
      const page = value as {
        entries: [number, number, number, Uint8Array | null, ...unknown[]][];
        next?: number;
      };
      const entries = page.entries.map(([offset, fingerprint, at, data, ...changes]) => ({
        offset,
        fingerprint,
        at,
        ...data === null ? { deleted: true } : { data: decodeMessage(data, limits) },
        ..."next" in page ? changesOf(offset, changes, limits) : {},
      }));
      return { ...page, entries };
    },
  };
}

function changesOf(
  offset: number,
  [by, version, editedAt, editedBy, reactions]: readonly unknown[],
  limits: Limits,
): object {
  const summary = reactions instanceof Uint8Array ? { reactions: decodeMessage(reactions, limits) } : {};
  return { by, version: version ?? offset, editedAt, editedBy, ...summary };
}
