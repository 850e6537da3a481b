/**
 * Who has how much of what all share, and what goes first when it is too much: the oldest of whoever has most, so that nobody loses anything
 * while another has more.
 *
 * @module
 */

/** One thing that somebody has. In a list by age and not in a `Map`: the first key of a map whose first keys were deleted is found by walking over their holes. */
interface Place<T> {
  readonly member: T;
  readonly owner: Owner<T>;
  weight: number;
  /** In which they came. */
  readonly order: number;
  older: Place<T> | undefined;
  newer: Place<T> | undefined;
}

/** Who has something. */
interface Owner<T> {
  readonly name: string;
  weight: number;
  oldest: Place<T> | undefined;
  newest: Place<T> | undefined;
  /** Its place in the heap. */
  at: number;
}

/** Things, each with a weight and somebody who has it. */
export class Shares<T> {
  readonly #places = new Map<T, Place<T>>();
  readonly #owners = new Map<string, Owner<T>>();
  /** A binary heap, who has most first: with ten thousand owners nobody is looked for. */
  readonly #heap: Owner<T>[] = [];
  #total = 0;
  #last = 0;

  /** How many there are. */
  get size(): number {
    return this.#places.size;
  }

  /** What all weigh together. */
  get total(): number {
    return this.#total;
  }

  /** The oldest of whoever has most; where several have as much, the oldest of all theirs. */
  get next(): T | undefined {
    return this.#heap[0]?.oldest?.member;
  }

  /** What one weighs; 0 for none. */
  weightOf(member: T): number {
    return this.#places.get(member)?.weight ?? 0;
  }

  /** Adds one, or weighs it again: then it keeps its age, and who has it. */
  set(member: T, owner: string, weight: number): void {
    const place = this.#places.get(member) ?? this.#add(member, owner);
    this.#weigh(place, weight);
  }

  /** Takes one out, if it is in here. */
  delete(member: T): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    this.#places.delete(member);
    const { owner, older, newer } = place;
    if (older === undefined) owner.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) owner.newest = older;
    else newer.older = older;
    this.#weigh(place, 0);
    if (owner.oldest === undefined) this.#forget(owner);
  }

  #add(member: T, name: string): Place<T> {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = { name, weight: 0, oldest: undefined, newest: undefined, at: this.#heap.length };
      this.#owners.set(name, owner);
      this.#heap.push(owner);
    }
    const older = owner.newest;
    const place = { member, owner, weight: 0, order: ++this.#last, older, newer: undefined };
    if (older === undefined) owner.oldest = place;
    else older.newer = place;
    owner.newest = place;
    this.#places.set(member, place);
    return place;
  }

  #weigh(place: Place<T>, weight: number): void {
    const { owner } = place;
    const more = weight - place.weight;
    place.weight = weight;
    owner.weight += more;
    this.#total += more;
    this.#settle(owner);
  }

  #forget(owner: Owner<T>): void {
    this.#owners.delete(owner.name);
    const last = this.#heap.pop()!;
    if (last === owner) return;
    this.#put(last, owner.at);
    this.#settle(last);
  }

  /** Moves one up or down in the heap, to where it belongs. */
  #settle(owner: Owner<T>): void {
    const heap = this.#heap;
    while (owner.at > 0) {
      const above = heap[(owner.at - 1) >> 1]!;
      if (!isBefore(owner, above)) break;
      this.#swap(owner, above);
    }
    while (true) {
      const left = heap[2 * owner.at + 1];
      const right = heap[2 * owner.at + 2];
      if (left === undefined) return;
      const below = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(below, owner)) return;
      this.#swap(owner, below);
    }
  }

  #swap(one: Owner<T>, other: Owner<T>): void {
    const { at } = one;
    this.#put(one, other.at);
    this.#put(other, at);
  }

  #put(owner: Owner<T>, at: number): void {
    this.#heap[at] = owner;
    owner.at = at;
  }
}

/** What to count an address under: one peer has many of IPv6. */
export type AddressKey = (address: string) => string;

/** Whose it is what a caller has: who signed in, else where it comes from. */
export function ownerOf(
  { subject, address }: { readonly subject: string | undefined; readonly address: string },
  addressKey: AddressKey | undefined,
): string {
  if (subject !== undefined) return `subject ${subject}`;
  return `address ${addressKey === undefined ? address : addressKey(address)}`;
}

/** Whether what the first has goes before what the second has. */
function isBefore<T>(first: Owner<T>, second: Owner<T>): boolean {
  if (first.weight !== second.weight) return first.weight > second.weight;
  return (first.oldest?.order ?? Infinity) < (second.oldest?.order ?? Infinity);
}
