/**
 * Which messages of a frame that was sent have to be sent again.
 *
 * @module
 */
import { Kind } from "./kinds.ts";
import { offset, openAt, readArray, readUint, skipValue } from "./reader.ts";

/** What the other side has. */
export interface Arrived {
  /** The highest sequence that it has processed. */
  readonly received: number;
  /** Whether unit `n` of one of our streams has arrived there; END and FAIL count as one. */
  readonly hasUnit: (stream: number, n: number) => boolean;
}

/** What we wrote ourselves needs no bounds. */
const NO_LIMITS = { depth: 1_000, keys: 1_000_000_000 };

/** What the other side accepts in a frame: several small ones that left may be one now. */
export interface FrameLimits {
  /** Bytes. */
  readonly message: number;
  /** Messages. */
  readonly messages: number;
}

/** Gives `send` the ranges of messages that did not arrive, each a frame. All others belong to the connection that was lost. */
export function lostMessages(
  frame: Uint8Array,
  { arrived, accepts, send }: {
    arrived: Arrived;
    accepts: FrameLimits;
    send: (messages: Uint8Array) => void;
  },
): void {
  let from = -1;
  let count = 0;
  for (let at = 0; at < frame.length;) {
    openAt(frame, at, frame.length);
    const isLost = readIsLost(arrived);
    const end = offset(); // the cursor may be elsewhere when `send` returns
    const isFull = count === accepts.messages || end - from > accepts.message;
    if (from >= 0 && (!isLost || isFull)) {
      send(frame.subarray(from, at));
      from = -1;
    }
    if (isLost) {
      if (from < 0) [from, count] = [at, 0];
      count++;
    }
    at = end;
  }
  if (from >= 0) send(frame.subarray(from));
}

/** Reads one message to its end. */
function readIsLost({ received, hasUnit }: Arrived): boolean {
  const elements = readArray();
  const kind = readUint("kind");
  let read = 1;
  let isLost = false;
  if (kind >= Kind.CALL && kind < Kind.ITEM) {
    isLost = readUint("seq") > received;
    read = 2;
  } else if (kind >= Kind.ITEM && kind <= Kind.FAIL) {
    const stream = readUint("stream");
    const n = readUint("n");
    // END and FAIL tell how many units came before them, and count as one more.
    isLost = !hasUnit(stream, kind >= Kind.END ? n + 1 : n);
    read = 3;
  }
  for (; read < elements; read++) skipValue(NO_LIMITS);
  return isLost;
}
