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
  NAME: 8, //     both               number, name
  FRAGMENT: 9, // both               seq, group, remaining, payload
  CALL: 16, //    both               seq, id, method, options, payload
  RESULT: 17, //  both               seq, id, payload
  ERROR: 18, //   both               seq, id, code, flags, payload
  STREAM: 19, //  both               seq, id, stream
  CANCEL: 20, //  both               seq, id
  ITEM: 24, //    both               stream, n, payload
  PIECE: 25, //   both               stream, n, payload
  PART: 26, //    both               stream, n, remaining, payload
  END: 27, //     both               stream, n
  FAIL: 28, //    both               stream, n, code, flags, payload
  CREDIT: 29, //  both               stream, n, limit
  STOP: 30, //    both               stream
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
  set(4, Kind.GOODBYE, Kind.RESULT, Kind.STREAM, Kind.ITEM, Kind.PIECE, Kind.CREDIT);
  set(3, Kind.NAME, Kind.CANCEL, Kind.END);
  set(6, Kind.CALL, Kind.ERROR, Kind.FAIL);
  return counts;
}

/** Extension type of a value that stands for a stream of bytes: 4 bytes, the stream's number. */
export const BYTE_STREAM_EXTENSION = 1;

/** Bits of `flags` in ERROR and FAIL. */
export const Flag = {
  /** The same call may succeed later. */
  RETRYABLE: 1,
  /** The call may have run. */
  AMBIGUOUS: 2,
  /** The procedure declares this error; the payload is its data. */
  DECLARED: 4,
} as const;
