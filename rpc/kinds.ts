/**
 * The kinds of messages, one constant for each row of the table in `docs/protocol.md`.
 *
 * @module
 */

/** The version of the protocol that HELLO and WELCOME carry. */
export const VERSION = 1;

/** The WebSocket subprotocol that a client offers and the server selects. */
export const SUBPROTOCOL = "millrace.1";

/** What the second subprotocol begins with when it carries a token; it is never selected nor echoed. */
export const TOKEN_PROTOCOL = "auth.";

/** Message kinds. Elements after the kind are in the trailing comments; `docs/protocol.md` has the rules. */
export const Kind = {
  HELLO: 0, //    client -> server   version, session, received, payload
  WELCOME: 1, //  server -> client   version, session, received, payload
  PING: 2, //     server -> client   received
  PONG: 3, //     client -> server   received
  ACK: 4, //      both               received
  GOODBYE: 5, //  server -> client   code, retryAfter, payload
  TOKEN: 6, //    client -> server   payload
  EXPIRES: 7, //  server -> client   remaining
  NAME: 8, //     both               number, name, flags
  FRAGMENT: 9, // both               seq, group, remaining, payload
  CALL: 16, //    both               seq, id, method, options, payload
  RESULT: 17, //  both               seq, id, payload
  ERROR: 18, //   both               seq, id, code, flags, payload
  STREAM: 19, //  both               seq, id, stream
  CANCEL: 20, //  both               seq, id
  CAUSED: 21, //  both               seq, id, payload
  ITEM: 24, //    both               stream, n, payload
  PIECE: 25, //   both               stream, n, payload
  PART: 26, //    both               stream, n, remaining, payload
  END: 27, //     both               stream, n
  FAIL: 28, //    both               stream, n, code, flags, payload
  CREDIT: 29, //  both               stream, n, limit
  STOP: 30, //    both               stream
  SUBSCRIBE: 32, //    client -> server   sub, channel, position, options
  SUBSCRIBED: 33, //   server -> client   sub, alias, status, epoch, offset, fingerprint
  UNSUBSCRIBED: 34, // server -> client   sub, code, flags, payload
  UNSUBSCRIBE: 35, //  client -> server   sub
  PUBLICATION: 36, //  server -> client   alias, offset, fingerprint, payload
  GAP: 37, //          server -> client   alias, from, to, fingerprint, reason
  SKIP: 38, //         server -> client   alias, to, fingerprint
  SEEN: 39, //         client -> server   alias, offset
  SIGNAL: 40, //       client -> server   channel, payload
  SIGNALLED: 41, //    server -> client   alias, payload
  DELTA: 42, //        server -> client   alias, offset, fingerprint, payload
  CHANGE: 44, //       server -> client   alias, offset, fingerprint, change, target, by, payload
  WATCH: 46, //        client -> server   watch, channel, options
  WATCHED: 47, //      server -> client   watch, alias, payload
  PRESENCE: 48, //     server -> client   alias, payload
  UNWATCH: 49, //      client -> server   watch
  WILDCARD: 50, //     client -> server   n, pattern, match
  MATCHED: 51, //      server -> client   n, state, name
  UNWILDCARD: 52, //   both               n, code, flags, payload
} as const;

/** First kind that a receiver skips when it does not know it. */
export const FIRST_OPTIONAL = 64;

/** Last kind there is. */
export const LAST_KIND = 127;

/** Number of elements of each kind, the kind itself counted; `undefined` for kinds that are not in use. */
export const ELEMENTS: readonly (number | undefined)[] = elementCounts();

function elementCounts(): (number | undefined)[] {
  const counts: (number | undefined)[] = new Array(LAST_KIND + 1).fill(undefined);
  const set = (count: number, ...kinds: number[]) => kinds.forEach((kind) => counts[kind] = count);
  set(5, Kind.HELLO, Kind.WELCOME, Kind.FRAGMENT, Kind.PART);
  set(2, Kind.PING, Kind.PONG, Kind.ACK, Kind.TOKEN, Kind.EXPIRES, Kind.STOP);
  set(4, Kind.GOODBYE, Kind.NAME, Kind.RESULT, Kind.CAUSED, Kind.STREAM, Kind.ITEM, Kind.PIECE, Kind.CREDIT);
  set(3, Kind.CANCEL, Kind.END);
  set(6, Kind.CALL, Kind.ERROR, Kind.FAIL);
  set(2, Kind.UNSUBSCRIBE, Kind.UNWATCH);
  set(3, Kind.SEEN, Kind.SIGNAL, Kind.SIGNALLED, Kind.PRESENCE);
  set(4, Kind.SKIP, Kind.WATCH, Kind.WATCHED);
  set(4, Kind.WILDCARD, Kind.MATCHED);
  set(5, Kind.SUBSCRIBE, Kind.UNSUBSCRIBED, Kind.PUBLICATION, Kind.DELTA, Kind.UNWILDCARD);
  set(6, Kind.GAP);
  set(7, Kind.SUBSCRIBED);
  set(8, Kind.CHANGE);
  return counts;
}

/** Extension type of a value that stands for a stream of bytes: 4 bytes, the stream's number. */
export const BYTE_STREAM_EXTENSION = 1;

/** `status` of SUBSCRIBED: how what follows joins what the client has. */
export const SubscribeStatus = {
  /** The client named no position. */
  FRESH: 0,
  /** It goes on where the client was: nothing is missing. */
  RECOVERED: 1,
  /** It does not: the client's position is no longer part of the stream, or its entries are gone. */
  RESET: 2,
} as const;

/** Bits of `flags` in NAME. */
export const NameFlag = {
  /** Running it twice is the same as running it once. */
  IDEMPOTENT: 1,
} as const;

/** Bits of `flags` in ERROR, FAIL, UNSUBSCRIBED and UNWILDCARD. */
export const Flag = {
  /** The same call may succeed later. */
  RETRYABLE: 1,
  /** The call may have run. */
  AMBIGUOUS: 2,
  /** The procedure declares this error; the payload is its data. */
  DECLARED: 4,
} as const;
