/**
 * What the socket of one connection holds, and whether more may go in: nothing can overtake what is in there. Between two connections
 * of a session there is none, and what is sent goes nowhere.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { FrameWatch } from "./frame.ts";
import type { Transport } from "./transport.ts";

/** At most so many bytes come to a frame in the socket: Bun counts the header that it writes. */
const FRAME_HEAD = 14;
/** Smaller messages never wait behind a full socket. */
const LEAST_WAITING = 1024;
/** What a socket may hold before large messages wait. */
const FULL = 64 * 1024;
/** How often bulk looks again at a socket that tells nobody when it has drained (browsers), in ms. */
const POLL = 5;

const NOWHERE: Transport = { send: () => {}, buffered: 0, close: () => {} };

/** Of a frame: nobody writes to it any more. */
export const SHARED = { shared: true } as const;

/** What sends. */
export interface RoomOwner {
  /** Time. */
  readonly clock: Clock;
  /** Sends what there is. */
  flush(): void;
}

/** The socket, as far as it has room. */
export class SocketRoom implements FrameWatch {
  // What is looked at for each publication stands first, side by side: 999 other connections have been since the last.
  /** See {@linkcode FrameWatch.isBuilding}. */
  isBuilding = false;
  /** At most so many bytes are in the socket: what was there when it was last asked, and what it was given since. */
  #inSocket = 0;
  /** Bytes that the socket was given in this turn. */
  #handed = 0;
  #transport: Transport;
  readonly #sender: RoomOwner;
  #poll: unknown;

  /** Calls `sender.flush` when a socket that does not tell by itself may have room again. */
  constructor(transport: Transport, sender: RoomOwner) {
    this.#transport = transport;
    this.#sender = sender;
  }

  /** Bytes in the socket. */
  get buffered(): number {
    return this.#transport.buffered;
  }

  /** Gives the socket a frame, borrowed until the call returns, or {@linkcode SHARED}. */
  hand(frame: Uint8Array, options?: typeof SHARED): void {
    this.#inSocket += frame.length + FRAME_HEAD;
    this.#handed += frame.length + FRAME_HEAD;
    this.#transport.send(frame, options);
  }

  /**
   * Gives the socket a frame that many connections share, if that needs no other look: nothing is to leave before it, and at most `limit` bytes
   * are in the socket. Nobody writes to `frame` any more. Returns whether it was given.
   */
  share(frame: Uint8Array, limit: number): boolean {
    if (this.isBuilding || this.#inSocket > limit) return false;
    this.hand(frame, SHARED);
    return true;
  }

  /** A turn has ended. */
  endTurn(): void {
    this.#handed = 0;
  }

  /**
   * Whether more than `limit` bytes wait, with the `here` that are not in the socket. Asked at every call, so the socket, which
   * costs a native call, is asked only when it was given so many since the last time.
   */
  isOver(limit: number, here: number): boolean {
    if (this.#inSocket + here <= limit) return false;
    this.#inSocket = this.#transport.buffered;
    return this.#inSocket + here > limit;
  }

  /**
   * Whether a message has to wait its turn behind the socket: large enough to matter, and the socket is full. What it was given in
   * this turn does not make it full at first: Deno counts that as buffered until the turn ends, whatever the network does.
   */
  mustWait(size: number): boolean {
    if (size <= LEAST_WAITING) return false;
    const { buffered } = this.#transport;
    if (buffered < this.#handed && buffered <= FULL) this.#handed = buffered; // no turn has ended since, but it has drained
    if (buffered <= FULL || (this.#handed <= FULL * 2 && buffered <= this.#handed)) return false;
    return size > (buffered > 4 * FULL ? LEAST_WAITING : 16 * 1024);
  }

  /** Bulk waits for the socket alone: acknowledgements will not wake it. */
  awaitRoom(): void {
    if (this.#transport.requestDrain === undefined) {
      this.#poll = this.#sender.clock.setTimeout(() => this.#sender.flush(), POLL);
    } else this.#transport.requestDrain();
  }

  /** Nobody waits for room any more. */
  forget(): void {
    this.#sender.clock.clearTimeout(this.#poll);
    this.#poll = undefined;
  }

  /** Another socket, or none. */
  use(transport: Transport | undefined): void {
    this.forget();
    this.#transport = transport ?? NOWHERE;
    this.#inSocket = this.#handed = 0;
  }
}
