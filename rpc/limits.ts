/**
 * Every bound of the protocol core in one place.
 *
 * @module
 */

/** Bounds of one side of a connection: bytes, counts and milliseconds, whole numbers from 1, where nothing else is said, to 2^48; each default is in `DEFAULT_LIMITS`. */
export interface Limits {
  /**
   * Bytes of a frame and of a message before authentication, and of everything a client sends before WELCOME.
   * At least 65536: a client may send so much before it is told of less.
   * Danger: what a stranger may make the process hold.
   * @default 65536
   */
  messageBeforeAuthentication: number;
  /**
   * Bytes of a frame, of a message made of fragments, and of one stream item. At least 1024.
   * Danger: times `calls` is what one peer may make the process hold.
   * @default 1048576
   */
  message: number;
  /** Nesting levels of a value. At least 8. Danger: stack. @default 32 */
  depth: number;
  /** Keys of one map. At least 16. Danger: time for look-ups of keys chosen to collide. @default 1024 */
  keys: number;
  /** Messages in one frame. At least 64. Danger: work that one frame can cause. @default 1024 */
  messages: number;
  /** Calls that wait or run, for each connection and direction; the surplus is answered `RESOURCE_EXHAUSTED`. @default 256 */
  calls: number;
  /**
   * Calls by `POST` between their headers and their answer, for the whole app; the surplus is answered `RESOURCE_EXHAUSTED` (429). And as many calls
   * with a key as run on though their session is over; above it the oldest of whoever has most is told to stop.
   * Danger: times `message` is what strangers may make the process hold.
   * @default 1024
   */
  posts: number;
  /** Calls of one connection that run at once; others wait in order. @default 64 */
  concurrency: number;
  /** Streams that are open at once, for each connection and direction. @default 64 */
  streams: number;
  /**
   * Bytes that one incoming stream may hold here unread: the first credit of each.
   * Danger: times `streams` is what one peer may make the process hold.
   * @default 262144
   */
  window: number;
  /**
   * Bytes that may wait in front of the socket of one slow peer before it is cut with 4503. Half of it is where no more calls start and
   * answers stay unencoded, until less waits. An empty queue takes one message, however large.
   * Danger: where it is less than twice what is published at once, one large publication may have a client on a slow link cut again and again. @default 2097152
   */
  queue: number;
  /** Milliseconds until HELLO must have come, and `authenticate` must have answered. @default 10000 */
  hello: number;
  /** Milliseconds between heartbeats of the server. @default 15000 */
  heartbeat: number;
  /** Milliseconds after a heartbeat in which something must be received. @default 8000 */
  grace: number;
  /**
   * Milliseconds that a session is kept when its connection is lost: its calls go on, and what they send waits for the next connection. 0
   * for none. @default 120000
   */
  session: number;
  /**
   * Sessions without a connection that are kept at once. Above it the oldest of whoever has most goes: of a subject, or where nobody signed
   * in of an address. @default 10000
   */
  sessions: number;
  /**
   * Bytes that all sessions without a connection hold together, as they grow: inputs of calls, and what waits to be read or sent. Above it the oldest of whoever holds most goes, as above. @default 268435456
   */
  sessionBytes: number;
  /**
   * Bytes of calls and answers that may wait for their acknowledgement on one session before no more calls start and answers stay
   * unencoded, while there is a connection; without one they are encoded, and count for `sessionBytes`. What streams and large messages have on their way comes to that: at most 1 MiB. @default 262144
   */
  replay: number;
  /** Milliseconds that a call without streams may run, and any call may wait for its turn, when its caller set no timeout; 0 for no bound. @default 60000 */
  callTimeout: number;
  /** Messages a second that one peer may send, and twice that at once; then 4529. A bound against floods, no quota. @default 500000 */
  messageRate: number;
  /**
   * Bytes a second that one peer may send, and twice that at once; then 4529. Far above what a network brings, and above loopback too: an
   * upload within one machine passes 1 GiB a second on Bun. What the bytes of streams may hold is bounded by credit anyway. @default 4294967296
   */
  byteRate: number;
  /** Cancels a second that one peer may send, and twice that at once; then 4529. @default 10000 */
  cancelRate: number;
  /** Channels that one connection may be subscribed to; the surplus is answered `RESOURCE_EXHAUSTED`. @default 128 */
  channels: number;
  /**
   * Parts that a filter may have: operators, tests and the values of `in`. What asks for more is answered `BAD_INPUT`.
   * Danger: times `channels` is what one connection may have compared for each publication. @default 64
   */
  filter: number;
  /**
   * Wildcards that one connection may have; the surplus is answered `RESOURCE_EXHAUSTED`. What they match counts as `channels`. Danger: each looks at every new channel
   * of its pattern. @default 8
   */
  wildcards: number;
  /** Signals a second of one connection, and twice that at once; the surplus is lost in silence, as any signal may be. @default 500 */
  signalRate: number;
  /** Channels that one connection may be a member of; the surplus is answered `RESOURCE_EXHAUSTED`. @default 128 */
  memberships: number;
  /** Channels whose members one connection may watch; the surplus is answered `RESOURCE_EXHAUSTED`. @default 128 */
  watches: number;
  /**
   * Members of one channel; who comes above it is answered `RESOURCE_EXHAUSTED`.
   * Danger: times `memberBytes` is what one channel may hold, at the broker and at each node that watches it.
   * @default 20000
   */
  members: number;
  /**
   * Bytes of the data of one member; more is answered `TOO_LARGE`.
   * Danger: each change of it goes to all who watch the channel.
   * @default 1024
   */
  memberBytes: number;
  /** Values of one kind of reaction that one message has; one more is answered `TOO_LARGE`. Danger: all of them are in each summary. @default 64 */
  reactionValues: number;
  /**
   * Users of whom is known what they said of one message, each as often as it said another value; one more is answered `TOO_LARGE`, where only a `total` is counted it counts, and cannot be
   * taken back. Danger: all that is known of a message is read from the broker and written to it with each summary, up to ten times a second; with Redis, by each node.
   * @default 2000
   */
  reactionUsers: number;
  /**
   * New connections and calls by `POST` a second from one address, and 20 times that at once; then 429. Loopback and unix sockets are not counted: a
   * proxy in front of the server comes from there. Say with `clientAddress` who is behind a proxy. @default 100
   */
  connectionRate: number;
  /** Failed authentications a second from one address, and 20 times that at once; then 429. Counted as above. @default 1 */
  failureRate: number;
}

/** The defaults of {@linkcode Limits}. */
export const DEFAULT_LIMITS: Readonly<Limits> = {
  messageBeforeAuthentication: 64 * 1024,
  message: 1024 * 1024,
  depth: 32,
  keys: 1024,
  messages: 1024,
  calls: 256,
  posts: 1024,
  concurrency: 64,
  streams: 64,
  window: 256 * 1024,
  queue: 2 * 1024 * 1024,
  hello: 10_000,
  heartbeat: 15_000,
  grace: 8_000,
  session: 120_000,
  sessions: 10_000,
  sessionBytes: 256 * 1024 * 1024,
  replay: 256 * 1024,
  callTimeout: 60_000,
  messageRate: 500_000,
  byteRate: 4 * 1024 ** 3,
  cancelRate: 10_000,
  channels: 128,
  filter: 64,
  wildcards: 8,
  signalRate: 500,
  memberships: 128,
  watches: 128,
  members: 20_000,
  memberBytes: 1024,
  reactionValues: 64,
  reactionUsers: 2_000,
  connectionRate: 100,
  failureRate: 1,
};

/** Less than this is no limit but an attempt to make the other side send one byte a frame. */
export const LEAST_MESSAGE = 1024;

/** The least of those that cannot be 1: a side that accepts less cannot be spoken to, and closes whoever comes. */
const LEAST: { readonly [Name in keyof Limits]?: number } = {
  callTimeout: 0,
  grace: 0,
  session: 0,
  message: LEAST_MESSAGE,
  messageBeforeAuthentication: 64 * 1024, // what a client may send before WELCOME, which could tell it of less
  messages: 64, // the same
  depth: 8, // greetings and errors have four levels
  keys: 16, // the limits in WELCOME are seven
};

/** Far above what anything takes, and sums of them are still whole numbers. */
const MOST = 2 ** 48;

/**
 * Fills in the defaults and refuses what is no bound.
 *
 * @param given What the program sets.
 * @returns All limits.
 * @throws {RangeError} If a limit is no whole number from the least that it may be to 2^48.
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const limits = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(given) as [keyof Limits, number | undefined][]) {
    if (value === undefined) continue;
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new RangeError(`Cannot set limit "${name}": there is no such limit`);
    }
    const least = LEAST[name] ?? 1;
    if (!Number.isInteger(value) || value < least || value > MOST) {
      throw new RangeError(
        `Cannot set limit "${name}" to ${
          String(value)
        }: must be a whole number of at least ${least}, at most 2^48`,
      );
    }
    limits[name] = value;
  }
  return limits;
}

/** How many messages in fragments may be unfinished at once. */
export const MOST_GROUPS = 16;
/** How many times the largest message all of them together may be. */
export const MOST_UNFINISHED = 4;

/** What the other side of a connection accepts, as HELLO or WELCOME told. */
export interface PeerLimits {
  /** Bytes of a frame or message. */
  message: number;
  /** Messages in one frame. */
  messages: number;
  /** First credit of each stream, in bytes. */
  window: number;
  /** Calls in flight. */
  calls: number;
  /** Open streams. */
  streams: number;
}

/** The part of our limits that the other side has to know. */
export function peerLimits({ message, messages, window, calls, streams }: Limits): PeerLimits {
  return { message, messages, window, calls, streams };
}
