/**
 * Who is in a channel, as the server has told it: a whole, and what changed since, by version.
 *
 * @module
 */
import type { Member } from "../rpc/member_types.ts";
import { isUint } from "../rpc/uint.ts";

/** What this client knows. */
export interface Known {
  readonly count: number;
  readonly isSample: boolean;
  /** Never changed: another map where there is anything else to know. */
  readonly members: ReadonlyMap<string, KnownMember>;
}

/** A member, and the bytes of its data. */
export interface KnownMember extends Member<unknown> {
  readonly bytes: Uint8Array;
}

/** What came of a message: something is known anew, it was known, more of it follows, or it joins nothing. */
export type Applied = "new" | "known" | "part" | "hole";

/** The state of one channel. */
export class PresenceState {
  /** What is known; `undefined` before the server has told. */
  known: Known | undefined;
  readonly #decode: (data: Uint8Array) => unknown;
  #epoch = "";
  #version = 0;
  #isWhole = false;
  /** A whole that comes in parts. */
  #partial: Map<string, KnownMember> | undefined;

  /** Nothing is known. */
  constructor(decode: (data: Uint8Array) => unknown) {
    this.#decode = decode;
  }

  /** Where it goes on from, if everybody is known. */
  get place(): readonly [epoch: string, version: number] | undefined {
    return this.#isWhole ? [this.#epoch, this.#version] : undefined;
  }

  /** There is another connection: what is half told comes again. */
  restart(): void {
    this.#partial = undefined;
  }

  /**
   * Takes what the server says: a whole, a difference, or a number.
   *
   * @throws {TypeError} If it is none of them.
   */
  apply(told: Readonly<Record<string, unknown>>): Applied {
    const { epoch, version, count, from, members, set = [], gone = [] } = told;
    const fits = typeof epoch === "string" && isUint(version) && isUint(count);
    if (!fits) throw new TypeError("What is told of presence has no version");
    if (members !== undefined) return this.#whole({ epoch, version, count }, told);
    if (from === undefined) return this.#number(count);
    if (epoch !== this.#epoch || !isUint(from) || from > this.#version || !this.known) return "hole";
    if (version <= this.#version) return "known";
    const now = new Map(this.known.members);
    for (const id of listOf(gone)) now.delete(`${id}`);
    for (const one of listOf(set)) this.#put(now, one);
    this.known = { count, isSample: this.known.isSample, members: now };
    if (told["more"] !== true) this.#version = version;
    return told["more"] === true ? "part" : "new";
  }

  #number(count: number): Applied {
    this.#isWhole = false;
    this.known = { count, isSample: false, members: new Map() };
    return "new";
  }

  /** A whole that is older than what is known is late: what it would take back has been told. */
  #whole(
    { epoch, version, count }: { epoch: string; version: number; count: number },
    { members, sample, more }: Readonly<Record<string, unknown>>,
  ): Applied {
    const now = this.#partial ?? new Map<string, KnownMember>();
    for (const one of listOf(members)) this.#put(now, one);
    this.#partial = more === true ? now : undefined;
    if (more === true) return "part";
    if (this.#isWhole && epoch === this.#epoch && version < this.#version) return "known";
    this.#epoch = epoch;
    this.#version = version;
    this.#isWhole = sample !== true;
    this.known = { count, isSample: sample === true, members: now };
    return "new";
  }

  /** Who tells what it told before stays the same object. */
  #put(members: Map<string, KnownMember>, told: unknown): void {
    const [id, user, data] = listOf(told);
    if (typeof id !== "string" || !(data instanceof Uint8Array)) throw new TypeError("A member is none");
    const before = this.known?.members.get(id);
    const name = typeof user === "string" ? user : undefined;
    if (before !== undefined && tells(before, name, data)) return void members.set(id, before);
    const bytes = data.slice(); // of its own: a view would keep the frame
    members.set(id, { id, user: name, data: this.#decode(bytes), bytes });
  }
}

/** Whether a member is of this user, and tells this. */
export function tells({ user, bytes }: KnownMember, name: string | undefined, data: Uint8Array): boolean {
  return user === name && isEqual(bytes, data);
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError("What is told of presence is no list");
  return value;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
