// The log of a run on real sockets, as the checker wants it. What clients saw is written as it happens; what Redis had is read from Redis, when nothing moves or
// before something is lost, and put in between when the log is checked.
import { decode } from "../../../msgpack/decoder.ts";
import { channelKeys } from "../../../redis/keys.ts";
import type { Position } from "../../../rpc/broker.ts";
import type { Happening, LogEvent } from "../../../testing/log.ts";
// @ts-types="../../redis_wire.d.mts"
import { ask } from "../../redis_wire.mjs";

/** What happened. */
export class Record {
  readonly log: LogEvent[] = [];
  /** What is known of what Redis has, and had. */
  readonly streams: Stream[] = [];

  /** Writes a line. */
  add(event: Happening): void {
    this.log.push({ ...event, at: performance.now() } as LogEvent);
  }

  /** The last offset of a channel in Redis. */
  async topOf(redisPort: number, channel: string): Promise<number> {
    return (await lifeOf(redisPort, channel)).top;
  }

  /** Reads a channel from Redis: a stream of its own until it is lost, in part or whole. */
  async read(redisPort: number, channel: string): Promise<Stream> {
    const { entries } = channelKeys("millrace", channel);
    const { epoch, top } = await lifeOf(redisPort, channel);
    const stream = new Stream(channel, epoch, top);
    const found = await ask(redisPort, ["XRANGE", entries, "-", "+"], 60_000) as [string, string[]][];
    for (const [id, [, head, , data]] of found) {
      const [fingerprint, previous] = head!.split(" ").map(Number) as [number, number];
      const { value } = decode(Buffer.from(data!, "base64")) as { value: string };
      stream.put({ offset: Number.parseInt(id), fingerprint, previous, value });
    }
    this.streams.push(stream);
    return stream;
  }
}

async function lifeOf(redisPort: number, channel: string): Promise<{ epoch: string; top: number }> {
  const life = await ask(redisPort, ["GET", channelKeys("millrace", channel).life]);
  const [epoch, top] = String(life ?? "- 0").split(" ") as [string, string];
  return { epoch, top: Number(top) };
}

/** An entry. */
interface Appended {
  readonly offset: number;
  readonly fingerprint: number;
  readonly previous: number;
  readonly value: string;
}

/** One past of a channel. After a fail-over there are two with one epoch, which begin alike. */
export class Stream {
  readonly channel: string;
  readonly epoch: string;
  /** When it was read. */
  readonly top: number;
  readonly #entries: (Appended | undefined)[] = [];
  #told = 0;

  /** Has no entries yet. */
  constructor(channel: string, epoch: string, top: number) {
    this.channel = channel;
    this.epoch = epoch;
    this.top = top;
  }

  /** How many there are. */
  get length(): number {
    return this.#entries.length;
  }

  /** Adds one. */
  put(entry: Appended): void {
    this.#entries[entry.offset - 1] ??= entry;
  }

  /** The fingerprint at an offset. */
  at(offset: number): number | undefined {
    return offset === 0 ? 0 : this.#entries[offset - 1]?.fingerprint;
  }

  /** Whether a position is a place in it. */
  has(channel: string, { epoch, offset, fingerprint }: Position): boolean {
    return channel === this.channel && epoch === this.epoch && this.at(offset) === fingerprint;
  }

  /** It begins as another one does. */
  beginsAs(other: Stream, length: number): void {
    if (other.channel === this.channel && other.epoch === this.epoch) {
      this.#told = Math.max(this.#told, length);
    }
  }

  /** Its entries up to an offset that the log has not told yet. */
  *untold(offset: number): Generator<Happening> {
    for (; this.#told < Math.min(offset, this.#entries.length); this.#told++) {
      const entry = this.#entries[this.#told];
      if (entry === undefined) continue;
      const { fingerprint, previous, value } = entry;
      const position = { epoch: this.epoch, offset: entry.offset, fingerprint };
      yield { is: "append", channel: this.channel, position, previous, value };
    }
  }
}

/** The log with what Redis had in it: each append before the first line that knows of it, and before the loss that takes it away. */
export function withTruth({ log, streams }: Record): LogEvent[] {
  const channels = new Map<string, string>();
  for (const event of log) if (event.is === "subscribe") channels.set(event.sub, event.channel);
  const channelOf = (event: LogEvent): string =>
    "channel" in event ? event.channel : "sub" in event ? channels.get(event.sub) ?? "" : "";
  complete(log, streams, channelOf);
  const told: LogEvent[] = [];
  for (const event of log) {
    const tell = (events: Iterable<Happening>): void => {
      for (const one of events) told.push({ ...one, at: event.at } as LogEvent);
    };
    const channel = channelOf(event);
    for (const position of placesOf(event)) {
      const stream = streams.find((one) => one.has(channel, position));
      if (stream !== undefined) tell(stream.untold(position.offset));
    }
    if (event.is === "stream lost" || event.is === "rollback" || event.is === "finish") {
      const ending = event.is === "finish"
        ? streams
        : streams.filter((one) => one.channel === channel).slice(0, 1);
      for (const stream of ending) tell(stream.untold(Infinity));
      if (event.is === "rollback") { for (const stream of streams) stream.beginsAs(ending[0]!, event.top); }
      if (event.is !== "finish") streams.splice(streams.indexOf(ending[0]!), 1);
    }
    told.push(event);
  }
  return told;
}

/** What somebody was told and nobody has read from Redis, since it was lost before, is known from the log alone. */
function complete(
  log: readonly LogEvent[],
  streams: readonly Stream[],
  channelOf: (event: LogEvent) => string,
): void {
  const values = new Map<string, string>();
  for (const event of log) {
    if (event.is === "publish") values.set(`${event.producer} ${event.channel} ${event.number}`, event.value);
  }
  const known: { stream: Stream; position: Position; value: string }[] = [];
  for (const event of log) {
    const channel = channelOf(event);
    const note = (position: Position, value: string | undefined): void => {
      // Of two pasts with one epoch both were read when nothing moved: only what was lost whole is incomplete.
      const ofEpoch = streams.filter((one) => one.channel === channel && one.epoch === position.epoch);
      if (ofEpoch.length === 1 && value !== undefined) known.push({ stream: ofEpoch[0]!, position, value });
    };
    if (event.is === "message") note(event.position, event.value);
    if (event.is === "published") {
      note(event.position, values.get(`${event.producer} ${event.channel} ${event.number}`));
    }
    if (event.is === "page") { for (const { position, value } of event.entries) note(position, value); }
  }
  known.sort((a, b) => a.position.offset - b.position.offset);
  for (const { stream, position: { offset, fingerprint }, value } of known) {
    stream.put({ offset, fingerprint, previous: stream.at(offset - 1) ?? 0, value });
  }
}

function placesOf(event: LogEvent): readonly Position[] {
  switch (event.is) {
    case "message":
    case "reset":
    case "gap":
    case "subscribed":
    case "published":
    case "joined":
      return [event.position];
    case "subscribe":
    case "join":
      return event.from === undefined ? [] : [event.from];
    case "page":
      return [...event.entries.map(({ position }) => position), ...(event.told ? [event.told.top] : [])];
    default:
      return [];
  }
}
