/**
 * The members of channels in memory.
 *
 * @module
 */
import { BrokerError } from "../rpc/broker.ts";
import type {
  KeptMember,
  MemberChange,
  MemberData,
  MemberNews,
  MemberNode,
  PresenceAnswer,
  PresenceListener,
  PresenceLook,
  PresencePage,
  PresencePlace,
  PresenceStore,
} from "../rpc/presence_store.ts";

/** Milliseconds that the version of a channel without members is remembered. */
const META = 600_000;
/** Channels without members that are remembered; above it the one used longest ago goes. */
const MOST_EMPTY = 10_000;

interface Kept extends KeptMember {
  readonly n: number;
  node: string;
}

/** One channel. */
interface Room {
  readonly name: string;
  epoch: string;
  version: number;
  readonly members: Map<string, Kept>;
  /** Their names, sorted. */
  readonly ids: string[];
  /** Until when each node is believed. */
  readonly leases: Map<string, number>;
  usedAt: number;
}

/** What it needs. */
export interface MemoryPresenceParts {
  /** Time. */
  readonly now: () => number;
  /** Names a life. */
  readonly newEpoch: () => string;
  /** Told of what a listener threw. */
  readonly report: (error: unknown) => void;
}

/** Members in memory. Every method answers at once. */
export class MemoryPresence implements PresenceStore {
  readonly #parts: MemoryPresenceParts;
  readonly #rooms = new Map<string, Room>();
  /** Those of them that have no member, the one used longest ago first. */
  readonly #empty = new Set<Room>();
  readonly #listeners = new Map<string, Set<PresenceListener>>();
  #closed = false;

  /** Nobody is there. */
  constructor(parts: MemoryPresenceParts) {
    this.#parts = parts;
  }

  /** Members of all channels. */
  get size(): number {
    return [...this.#rooms.values()].reduce((sum, { members }) => sum + members.size, 0);
  }

  /** See {@linkcode PresenceStore.change}. */
  change(
    channel: string,
    { id: node, lease }: MemberNode,
    { news, most }: { readonly news: readonly MemberNews[]; readonly most: number },
  ): PresenceAnswer {
    const room = this.#room(channel);
    const changes = this.#sweep(room);
    const isKnown = room.leases.has(node);
    room.leases.set(node, this.#parts.now() + lease);
    const refused: string[] = [];
    for (const one of news) {
      const { id, member } = one;
      const known = room.members.get(id);
      if (member === undefined) {
        if (known !== undefined && hasLeft(known, node, one.n)) this.#takeOut(room, id, changes);
      } else if (known === undefined && room.members.size >= most) {
        refused.push(id);
      } else {
        this.#put(room, node, { ...one, member }, changes);
      }
    }
    this.#settle(room, changes);
    return { epoch: room.epoch, version: room.version, isKnown, refused };
  }

  /** See {@linkcode PresenceStore.look}. */
  look(channel: string, node: MemberNode | undefined, known: PresencePlace | undefined): PresenceLook {
    const room = this.#room(channel);
    const changes = this.#sweep(room);
    const isKnown = node !== undefined && room.leases.has(node.id);
    if (isKnown) room.leases.set(node.id, this.#parts.now() + node.lease);
    this.#settle(room, changes);
    if (known?.epoch === room.epoch && room.version < known.version) this.#beginAnew(room);
    return { epoch: room.epoch, version: room.version, isKnown };
  }

  /** See {@linkcode PresenceStore.read}. */
  read(channel: string, { after, limit }: { readonly after: string; readonly limit: number }): PresencePage {
    const room = this.#room(channel);
    this.#settle(room, this.#sweep(room));
    const { epoch, version, ids, members } = room;
    const from = placeIn(ids, after) + (members.has(after) ? 1 : 0);
    const page = ids.slice(from, from + limit).map((id) => {
      const { user, data } = members.get(id)!;
      return { id, user, data };
    });
    return { epoch, version, count: ids.length, members: page, more: from + page.length < ids.length };
  }

  /** See {@linkcode PresenceStore.subscribe}. */
  subscribe(channel: string, listener: PresenceListener): void {
    this.#mustBeOpen();
    let listeners = this.#listeners.get(channel);
    if (listeners === undefined) this.#listeners.set(channel, listeners = new Set());
    listeners.add(listener);
  }

  /** See {@linkcode PresenceStore.unsubscribe}. */
  unsubscribe(channel: string, listener: PresenceListener): void {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener) && listeners.size === 0) this.#listeners.delete(channel);
  }

  /** Forgets who is there, as a broker that has lost its memory. */
  forget(): void {
    this.#rooms.clear();
    this.#empty.clear();
    for (const listeners of [...this.#listeners.values()]) {
      for (const listener of [...listeners]) this.#tell(() => listener.uncertain());
    }
  }

  /** Frees everything. */
  close(): void {
    this.#closed = true;
    this.#rooms.clear();
    this.#empty.clear();
    this.#listeners.clear();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BrokerError("UNAVAILABLE", "The broker is closed: nothing was done");
  }

  /** The channel, made if need be. {@linkcode MemoryPresence.#settle} follows. */
  #room(name: string): Room {
    this.#mustBeOpen();
    const now = this.#parts.now();
    let room = this.#rooms.get(name);
    if (room === undefined || (room.members.size === 0 && room.usedAt + META <= now)) {
      if (room !== undefined) this.#empty.delete(room);
      const epoch = this.#parts.newEpoch();
      room = { name, epoch, version: 0, members: new Map(), ids: [], leases: new Map(), usedAt: now };
      this.#rooms.set(name, room);
    }
    room.usedAt = now;
    return room;
  }

  /** Tells what has changed, and keeps no more channels without members than may be. */
  #settle(room: Room, changes: readonly MemberChange[]): void {
    this.#empty.delete(room);
    if (room.members.size === 0) this.#empty.add(room);
    if (this.#empty.size > MOST_EMPTY) {
      const [oldest] = this.#empty;
      this.#empty.delete(oldest!);
      this.#rooms.delete(oldest!.name);
    }
    if (changes.length === 0) return;
    const push = { epoch: room.epoch, first: room.version - changes.length + 1, changes };
    for (const listener of [...this.#listeners.get(room.name) ?? []]) {
      this.#tell(() => listener.changed(push));
    }
  }

  #put(
    room: Room,
    node: string,
    { id, n, member }: MemberNews & { readonly member: MemberData },
    changes: MemberChange[],
  ): void {
    const known = room.members.get(id);
    if (known !== undefined && n > 0 && n < known.n) return;
    if (known === undefined) room.ids.splice(placeIn(room.ids, id), 0, id);
    room.members.set(id, { id, n, node, ...member });
    if (known !== undefined && isSame(known, member)) return;
    room.version++;
    changes.push({ id, member });
  }

  #takeOut(room: Room, id: string, changes: MemberChange[]): void {
    room.members.delete(id);
    room.ids.splice(placeIn(room.ids, id), 1);
    room.version++;
    changes.push({ id, member: undefined });
  }

  /** Members of nodes that are believed no more are gone. */
  #sweep(room: Room): MemberChange[] {
    const changes: MemberChange[] = [];
    const now = this.#parts.now();
    const over = new Set<string>();
    for (const [node, until] of room.leases) if (until <= now) over.add(node);
    if (over.size === 0) return changes;
    for (const node of over) room.leases.delete(node);
    for (const { id, node } of [...room.members.values()]) {
      if (over.has(node)) this.#takeOut(room, id, changes);
    }
    return changes;
  }

  #beginAnew(room: Room): void {
    room.epoch = this.#parts.newEpoch();
    for (const listener of [...this.#listeners.get(room.name) ?? []]) {
      this.#tell(() => listener.uncertain());
    }
  }

  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#parts.report(error);
    }
  }
}

/** Where a name is among sorted ones, or would be. */
function placeIn(ids: readonly string[], id: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a member is gone by the word of a node: its own, or by one of the client that is later than what it has told. */
function hasLeft(known: Kept, node: string, n: number): boolean {
  return known.node === node ? n >= known.n : n > known.n && known.n > 0;
}

function isSame(known: MemberData, { user, data }: MemberData): boolean {
  return known.user === user && known.data.length === data.length &&
    known.data.every((byte, at) => byte === data[at]);
}
