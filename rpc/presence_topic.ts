/**
 * Who is in one channel, on a node where somebody wants to know: held whole, told in differences that are written once for all who watch.
 *
 * @module
 */
import type { AskingParts } from "./asking.ts";
import { Asking } from "./asking.ts";
import { PresenceChanges } from "./presence_changes.ts";
import { PresenceCounts } from "./presence_counts.ts";
import { differencePayloads, presenceFrame, snapshotPayloads } from "./presence_messages.ts";
import { pauseFor, PresencePace } from "./presence_pace.ts";
import { type Everybody, PresenceReading } from "./presence_reading.ts";
import { PresenceSample } from "./presence_sample.ts";
import type {
  KeptMember,
  MemberData,
  PresenceListener,
  PresencePlace,
  PresencePush,
  PresenceStore,
} from "./presence_store.ts";
import type { PresenceWatcher } from "./presence_watcher.ts";

/** What a topic is made of. */
export interface PresenceTopicParts {
  /** Where members live. */
  readonly store: PresenceStore;
  /** How it is asked. */
  readonly asking: AskingParts;
  /** Members up to which all are told; above it a sample. */
  readonly mostMembers: number;
  /** Numbers that no other alias of this node has. */
  readonly newAlias: () => number;
}

/** Of the members up to which all are told, so many must be left until they are again. */
const BACK = 0.8;
/** Milliseconds that a push may come later than the answer to a look that has seen it. */
const LATE_PUSH = 1_000;

/** One channel. */
export class PresenceTopic implements PresenceListener {
  /** Its name. */
  readonly name: string;
  /** Stands for it in what is told of members. */
  readonly alias: number;
  /** Stands for it in what is told of their number alone. */
  readonly countAlias: number;
  readonly #parts: PresenceTopicParts;
  readonly #subscribing: Asking;
  #place: PresencePlace = { epoch: "", version: 0 };
  #members: Map<string, MemberData> = new Map();
  /** Those who want more than numbers. */
  readonly #watchers = new Set<PresenceWatcher>();
  readonly #counts: PresenceCounts;
  readonly #waiting = new Set<PresenceWatcher>();
  readonly #changes = new PresenceChanges();
  /** Set while only a sample is told. */
  #sample: PresenceSample | undefined;
  /** What those who want more than numbers were told last. */
  #told = { version: 0, count: 0 };
  #reading: PresenceReading | undefined;
  #snapshot: readonly Uint8Array[] | undefined;
  readonly #pace: PresencePace;
  #lookTimer: unknown;
  #released = false;

  /** Knows nothing yet: {@linkcode PresenceTopic.open} begins. */
  constructor(name: string, parts: PresenceTopicParts) {
    this.name = name;
    this.#parts = parts;
    this.alias = parts.newAlias();
    this.countAlias = parts.newAlias();
    this.#subscribing = new Asking(parts.asking);
    const { asking: { clock }, mostMembers } = parts;
    this.#pace = new PresencePace(clock, () => this.#tell());
    this.#counts = new PresenceCounts(clock, {
      alias: this.countAlias,
      mostMembers,
      now: () => ({ place: this.#place, count: this.#members.size }),
    });
  }

  /** Those who watch. */
  get size(): number {
    return this.#watchers.size + this.#counts.size;
  }

  /** Where it is; `undefined` before that is known. */
  get place(): PresencePlace | undefined {
    return this.#isKnown ? this.#place : undefined;
  }

  get #isKnown(): boolean {
    return this.#place.epoch !== "";
  }

  /** Listens first, and reads then, so that nothing falls between the two. */
  open(): void {
    this.#subscribing.ask(
      () => this.#parts.store.subscribe(this.name, this),
      () => this.#read(),
    );
  }

  /** Listens no more. */
  release(): void {
    this.#released = true;
    this.#subscribing.stop();
    this.#reading?.stop();
    this.#pace.stop();
    this.#counts.stop();
    this.#parts.asking.clock.clearTimeout(this.#lookTimer);
    this.#parts.store.unsubscribe(this.name, this);
  }

  /** Takes somebody in, who is told when it is known who is there. */
  add(watcher: PresenceWatcher): void {
    if (watcher.isCounting) this.#counts.add(watcher);
    else this.#watchers.add(watcher);
    if (this.#isKnown) watcher.ready();
    else this.#waiting.add(watcher);
  }

  /** Somebody watches no more. */
  remove(watcher: PresenceWatcher): void {
    if (watcher.isCounting) this.#counts.remove(watcher);
    else this.#watchers.delete(watcher);
    this.#waiting.delete(watcher);
  }

  /** Everybody, the sample, or the number: the payloads for who knows nothing. */
  snapshot(isCounting: boolean): readonly Uint8Array[] {
    if (isCounting) return [this.#counts.snapshot()];
    const count = this.#members.size;
    const isSample = this.#sample !== undefined;
    // Whoever is told of a number must hear when it is what it was. Beside everybody it comes with who has come and gone.
    if (isSample && count !== this.#told.count) this.#told.count = NaN;
    return this.#snapshot ??= snapshotPayloads(this.#place, { count, isSample, members: this.#shown() });
  }

  /** What has changed since a place where somebody knew everybody; `undefined` where only the whole will do. */
  since({ epoch, version }: PresencePlace): readonly Uint8Array[] | undefined {
    if (epoch !== this.#place.epoch || this.#sample !== undefined) return undefined;
    const ids = this.#changes.since(version, this.#place.version);
    return ids && differencePayloads(this.#place, { from: version, ...this.#differences(ids) });
  }

  /** See {@linkcode PresenceListener.changed}. */
  changed(push: PresencePush): void {
    if (this.#released) return;
    if (this.#reading !== undefined) return this.#reading.hold(push);
    if (!this.#isKnown) return; // it is read when the subscription has been answered
    const { epoch, first, changes } = push;
    if (epoch !== this.#place.epoch || first > this.#place.version + 1) {
      this.#read();
      return (this.#reading as PresenceReading | undefined)?.hold(push);
    }
    let version = first;
    for (const { id, member } of changes) if (version++ > this.#place.version) this.#apply(id, member);
  }

  /** See {@linkcode PresenceListener.uncertain}. */
  uncertain(): void {
    if (this.#released) return;
    if (this.#reading !== undefined) this.#reading.again();
    else if (this.#isKnown) this.#read();
  }

  /** Where the broker is, by a look: what was pushed until then should be here soon. */
  looked({ epoch, version }: PresencePlace): void {
    if (this.#released || !this.#isKnown || this.#reading !== undefined) return;
    if (epoch !== this.#place.epoch) return this.#read();
    if (version <= this.#place.version || this.#lookTimer !== undefined) return;
    this.#lookTimer = this.#parts.asking.clock.setTimeout(() => {
      this.#lookTimer = undefined;
      const { place } = this;
      if (place?.epoch !== epoch || place.version < version) this.uncertain();
    }, LATE_PUSH);
  }

  #apply(id: string, member: MemberData | undefined): void {
    const { epoch, version } = this.#place;
    this.#place = { epoch, version: version + 1 };
    this.#changes.add(id, version + 1);
    if (member === undefined) this.#members.delete(id);
    else this.#members.set(id, member);
    this.#snapshot = undefined;
    this.#schedule();
  }

  #read(): void {
    const { store, asking } = this.#parts;
    const reading = new PresenceReading(this.name, { store, asking }, (everybody) => this.#took(everybody));
    this.#reading = reading;
    reading.start();
  }

  #took({ epoch, version, members }: Everybody): void {
    this.#reading = undefined;
    if (this.#released) return;
    const isSame = epoch === this.#place.epoch && version === this.#place.version;
    if (isSame) return this.#changes.isAny ? this.#schedule() : undefined;
    this.#place = { epoch, version };
    this.#members = members;
    this.#changes.restart(version);
    this.#sample = this.#modeOf(this.#sample !== undefined);
    this.#sample?.fill(members);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const except = new Set(waiting);
    this.#tellWhole(except);
    this.#counts.tell(except);
    for (const watcher of waiting) watcher.ready();
  }

  /** Whether a sample is told from now on: with more members than all of which are told, until a good part of them has left. */
  #modeOf(isSample: boolean): PresenceSample | undefined {
    const { mostMembers } = this.#parts;
    const most = isSample ? Math.floor(mostMembers * BACK) : mostMembers;
    if (this.#members.size <= most) return undefined;
    return this.#sample ?? new PresenceSample();
  }

  #shown(): KeptMember[] {
    if (this.#sample !== undefined) return this.#sample.members(this.#members);
    return [...this.#members].map(([id, { user, data }]) => ({ id, user, data }));
  }

  #differences(ids: Iterable<string>): { count: number; set: KeptMember[]; gone: string[] } {
    const set: KeptMember[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const member = this.#members.get(id);
      if (member === undefined) gone.push(id);
      else set.push({ id, user: member.user, data: member.data });
    }
    return { count: this.#members.size, set, gone };
  }

  /** Where all are told everything nobody waits for longer because others watch. */
  #schedule(): void {
    const crowd = this.#sample === undefined ? 0 : this.#watchers.size;
    this.#pace.schedule(pauseFor(crowd, this.#parts.mostMembers));
    this.#counts.schedule();
  }

  /** What has changed since it was told last leaves for all. */
  #tell(): void {
    if (this.#reading !== undefined || !this.#changes.isAny) return;
    const before = this.#sample;
    this.#sample = this.#modeOf(before !== undefined);
    if ((this.#sample === undefined) !== (before === undefined)) {
      this.#sample?.fill(this.#members);
      return this.#tellWhole(new Set());
    }
    const ids = this.#changes.take();
    const { count, set, gone } = before === undefined
      ? this.#differences(ids)
      : { count: this.#members.size, ...before.changed(ids, this.#members) };
    this.#snapshot = undefined;
    if (set.length + gone.length === 0 && count === this.#told.count) return;
    const payloads = differencePayloads(this.#place, { from: this.#told.version, count, set, gone });
    this.#send(payloads, new Set());
  }

  /** All are told who is there, but those who are just about to be. */
  #tellWhole(except: ReadonlySet<PresenceWatcher>): void {
    this.#changes.take();
    this.#snapshot = undefined;
    const isAnybody = [...this.#watchers].some((one) => !except.has(one));
    this.#send(isAnybody ? this.snapshot(false) : [], except);
  }

  #send(payloads: readonly Uint8Array[], except: ReadonlySet<PresenceWatcher>): void {
    const frames = payloads.map((payload) => presenceFrame(this.alias, payload));
    this.#told = { version: this.#place.version, count: this.#members.size };
    this.#pace.told();
    if (frames.length === 0) return;
    for (const watcher of [...this.#watchers]) if (!except.has(watcher)) watcher.deliver(frames);
  }
}
