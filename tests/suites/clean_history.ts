/**
 * Histories in which everything went right, made by chance: what the checker must pass, and what mutations make wrong.
 */
import type { Position } from "../../rpc/broker.ts";
import type { Happening, LogEvent } from "../../testing/log.ts";
import { Random } from "../../testing/random.ts";

const CLIENTS = ["ada", "bob", "cy"];
const CHANNELS = ["red", "blue"];
/** Messages that a channel keeps: all that there are here. */
const KEPT = 10_000;

interface Entry {
  readonly fingerprint: number;
  readonly value: string;
}

interface Sub {
  readonly client: string;
  readonly channel: string;
  readonly sub: string;
  cursor: Position;
}

/** A model of channels and calls that makes no mistakes. */
export class CleanHistory {
  readonly log: LogEvent[] = [];
  readonly #random: Random;
  readonly #streams = new Map<string, { epoch: string; entries: Entry[] }>();
  readonly #subs: Sub[] = [];
  readonly #numbers = new Map<string, number>();
  /** The connection and session of each client. */
  readonly #sessions = new Map<string, { connection: number; session: string }>();
  /** The first offset that is left of what was trimmed. */
  readonly #trimmed = new Map<string, number>();
  #now = 0;
  #names = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    for (const channel of CHANNELS) this.#streams.set(channel, this.#fresh());
    this.#add({ is: "room", sessions: 10 });
    for (const channel of CHANNELS) this.#add({ is: "retention", channel, messages: KEPT, ms: 1_000_000 });
    for (const client of CLIENTS) this.#connect(client);
    for (const client of CLIENTS) for (const channel of CHANNELS) this.#subscribe(client, channel);
    for (let i = 0; i < 120; i++) this.#step();
    this.#trim("red");
    this.#rollBack("red");
    this.#lose("blue");
    this.#shutOut("cy", "red");
    for (let i = 0; i < 60; i++) this.#step();
    for (const outcome of ["value", "cut", "refused"] as const) this.#call("ada", outcome);
    this.#call("bob", "value", true);
    for (const channel of CHANNELS) {
      this.#page("bob", channel, this.#trimmed.get(channel) ?? 1);
      this.#page("bob", channel, Infinity);
    }
    this.#add({ is: "calm" });
    for (const sub of this.#subs) {
      this.#catchUp(sub, Infinity);
      const { client, channel, cursor: { offset } } = sub;
      this.#add({ is: "seen", client, channel, offset });
    }
    this.#add({ is: "finish" });
  }

  #step(): void {
    const { client, channel, sub } = this.#random.pick(this.#subs);
    switch (
      this.#random.weighted({ publish: 6, receive: 6, rejoin: 1, call: 2, stream: 1, page: 1, gap: 0.5 })
    ) {
      case "publish":
        return this.#publish(this.#random.pick(CLIENTS), this.#random.pick(CHANNELS));
      case "receive":
        return this.#catchUp(this.#sub(sub), 1 + this.#random.below(4));
      case "rejoin":
        return this.#rejoin(this.#sub(sub), "recovered");
      case "call":
        return this.#call(client);
      case "stream":
        return this.#stream(client);
      case "page":
        return this.#page(client, channel);
      case "gap":
        return this.#gap(this.#sub(sub));
    }
  }

  #add(event: Happening): void {
    this.#now += this.#random.below(20);
    this.log.push({ ...event, at: this.#now });
  }

  #sub(name: string): Sub {
    return this.#subs.find(({ sub }) => sub === name)!;
  }

  #fresh(): { epoch: string; entries: Entry[] } {
    return { epoch: `epoch${this.#names++}`, entries: [] };
  }

  #position(channel: string, offset = Infinity): Position {
    const { epoch, entries } = this.#streams.get(channel)!;
    const at = Math.min(offset, entries.length);
    return { epoch, offset: at, fingerprint: entries[at - 1]?.fingerprint ?? 0 };
  }

  /** For the first time, or again with the session that it has. */
  #connect(client: string): void {
    const before = this.#sessions.get(client);
    const number = (before?.connection ?? 0) + 1;
    const [connection, session] = [`${client}/${number}`, `${client}'s session ${number}`];
    this.#sessions.set(client, { connection: number, session });
    if (before === undefined) this.#add({ is: "hello", client, connection, opening: `${client}'s first` });
    else {
      this.#add({ is: "left", client, connection: `${client}/${before.connection}`, code: 1006 });
      this.#add({ is: "hello", client, connection, session: before.session });
    }
    const resumed = before !== undefined;
    this.#add({ is: "welcome", client, connection, session, resumed, window: 10_000 });
    this.#add({ is: "welcomed", client, connection, resumed });
  }

  #subscribe(client: string, channel: string): void {
    const sub = `${client}-${channel}`;
    const cursor = this.#position(channel);
    this.#add({ is: "subscribe", client, channel, sub });
    this.#add({ is: "join", client, channel });
    this.#add({ is: "joined", client, channel, status: "fresh", position: cursor });
    this.#add({ is: "subscribed", sub, position: cursor });
    this.#subs.push({ client, channel, sub, cursor });
  }

  #publish(producer: string, channel: string): void {
    const { epoch, entries } = this.#streams.get(channel)!;
    const number = (this.#numbers.get(`${producer} ${channel}`) ?? 0) + 1;
    this.#numbers.set(`${producer} ${channel}`, number);
    const value = `${producer}-${channel}-${number}`;
    const publishing = { channel, producer, number };
    this.#add({ is: "publish", ...publishing, value });
    if (this.#random.chance(0.05)) {
      return this.#add({ is: "publish refused", ...publishing, code: "FORBIDDEN" });
    }
    const previous = entries.at(-1)?.fingerprint ?? 0;
    entries.push({ fingerprint: this.#random.uint32(), value });
    const position = this.#position(channel);
    this.#add({ is: "append", channel, position, previous, value });
    if (this.#random.chance(0.1)) {
      return this.#add({ is: "publish unknown", ...publishing, code: "DISCONNECTED" });
    }
    this.#add({ is: "published", ...publishing, position });
    if (epoch !== position.epoch) throw new Error("the model is wrong");
  }

  #catchUp(sub: Sub, most: number): void {
    const { entries } = this.#streams.get(sub.channel)!;
    for (let i = 0; i < most && sub.cursor.offset < entries.length; i++) {
      const before = sub.cursor;
      sub.cursor = this.#position(sub.channel, sub.cursor.offset + 1);
      const { value } = entries[sub.cursor.offset - 1]!;
      this.#add({ is: "deliver", client: sub.client, channel: sub.channel });
      this.#add({ is: "message", sub: sub.sub, position: sub.cursor, value });
      if (this.#random.chance(0.3)) this.#add({ is: "looked", sub: sub.sub, position: before });
    }
  }

  #rejoin(sub: Sub, status: "recovered" | "reset"): void {
    const { client, channel } = sub;
    const position = status === "recovered" ? sub.cursor : this.#position(channel);
    this.#add({ is: "fault", what: `cut ${client}` });
    this.#connect(client);
    this.#add({ is: "join", client, channel, from: sub.cursor });
    this.#add({ is: "joined", client, channel, status, position });
    if (status === "reset") this.#add({ is: "reset", sub: sub.sub, position, reason: "lost" });
    sub.cursor = position;
  }

  #gap(sub: Sub): void {
    const from = sub.cursor.offset + 1;
    const to = this.#position(sub.channel, from + 1).offset;
    if (to < from) return;
    sub.cursor = this.#position(sub.channel, to);
    this.#add({ is: "gap", sub: sub.sub, from, to, position: sub.cursor, reason: "slow" });
  }

  /** Upwards from a place, or below it; without one anywhere. */
  #page(client: string, channel: string, from?: number): void {
    const { entries } = this.#streams.get(channel)!;
    const limit = 5;
    const top = this.#position(channel);
    const oldest = Math.max(this.#trimmed.get(channel) ?? 1, 1);
    const place = Math.min(from ?? Math.max(oldest, this.#random.below(entries.length + 2)), top.offset + 1);
    const isUpwards = from === undefined ? this.#random.chance(0.5) : from !== Infinity;
    const [first, last] = isUpwards
      ? [place, Math.min(place + limit - 1, top.offset)]
      : [Math.max(oldest, place - limit), Math.min(place - 1, top.offset)];
    const page = entries.slice(first - 1, last).map(({ value }, i) => ({
      position: this.#position(channel, first + i),
      value,
    }));
    const query = { ...isUpwards ? { after: place - 1 } : { before: place }, limit, at: this.#now };
    const more = page.length > 0 && (isUpwards ? last < top.offset : first > oldest);
    this.#add({ is: "page", client, channel, entries: page, query, told: { top, oldest, more } });
  }

  /** One subscription is behind what is trimmed. */
  #trim(channel: string): void {
    const sub = this.#sub(`ada-${channel}`);
    for (let i = 0; i < 5; i++) this.#publish("bob", channel);
    this.#trimmed.set(channel, this.#position(channel).offset);
    this.#add({ is: "trim", channel, oldest: this.#position(channel).offset });
    if (sub.cursor.offset + 1 < this.#position(channel).offset) this.#rejoin(sub, "reset");
  }

  /** A fail-over to a copy without the last entries, which is past them before anybody looks. */
  #rollBack(channel: string): void {
    for (const sub of this.#subs.filter((one) => one.channel === channel)) this.#catchUp(sub, Infinity);
    const { epoch, entries } = this.#streams.get(channel)!;
    const top = entries.length;
    const ahead = this.#sub(`bob-${channel}`);
    while (entries.length < top + 4) this.#publish("bob", channel);
    this.#catchUp(ahead, 3);
    entries.length = top;
    this.#add({ is: "rollback", channel, epoch, top });
    this.#add({ is: "told" });
    while (entries.length < top + 6) this.#publish("cy", channel);
    this.#rejoin(ahead, "reset");
  }

  #lose(channel: string): void {
    this.#add({ is: "stream lost", channel });
    this.#add({ is: "told" });
    this.#streams.set(channel, this.#fresh());
    for (const sub of this.#subs.filter((one) => one.channel === channel)) this.#rejoin(sub, "reset");
  }

  #shutOut(client: string, channel: string): void {
    const sub = this.#sub(`${client}-${channel}`);
    this.#add({ is: "revoke", client, channel });
    this.#catchUp(sub, 1);
    this.#add({ is: "unsubscribed", sub: sub.sub, code: "FORBIDDEN" });
    this.#subs.splice(this.#subs.indexOf(sub), 1);
  }

  #call(
    client: string,
    outcome = this.#random.weighted({ value: 6, cut: 2, refused: 2 }),
    hasKey = this.#random.chance(0.3),
  ): void {
    const name = `call${this.#names++}`;
    const key = hasKey ? name : undefined;
    this.#add({ is: "call", client, call: name, work: name, method: "add", key });
    const end = { is: "end", call: name } as const;
    switch (outcome) {
      case "value":
        this.#add({ is: "run", work: name, execution: this.#names });
        return this.#add({ ...end, answered: true, execution: this.#names });
      case "cut":
        if (this.#random.chance(0.5)) this.#add({ is: "run", work: name, execution: this.#names });
        return this.#add({ ...end, answered: false, code: "DISCONNECTED", ambiguous: true });
      case "refused":
        return this.#add({ ...end, answered: false, code: "UNAVAILABLE", ambiguous: false });
    }
  }

  #stream(client: string): void {
    const name = `stream${this.#names++}`;
    const way = this.#random.pick(["up", "down"] as const);
    const count = 2 + this.#random.below(5);
    this.#add({ is: "call", client, call: name, work: name, method: "count" });
    this.#add({ is: "run", work: name, execution: this.#names });
    for (let n = 0; n < count; n++) this.#add({ is: "item", call: name, way, n });
    this.#add({ is: "sent", call: name, way, count });
    this.#add({ is: "streamed", call: name, way });
    this.#add({ is: "end", call: name, answered: true, execution: this.#names });
  }
}
