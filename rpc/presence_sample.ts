/**
 * Some of the members of a channel that has more than all of which can be told. It changes slowly: however many come and go, those who watch are told little.
 *
 * @module
 */
import type { KeptMember, MemberData } from "./presence_store.ts";

/** Members of a sample. */
const SIZE = 50;
/** Of them so many are replaced with one telling, at most. */
const MOST_NEW = 5;

/** A sample: the same for all who watch on a node. */
export class PresenceSample {
  readonly #ids = new Set<string>();

  /** Takes as many as there may be. */
  fill(members: ReadonlyMap<string, MemberData>): void {
    for (const id of this.#ids) if (!members.has(id)) this.#ids.delete(id);
    this.#take(members, SIZE);
  }

  /** Those in it that are there. */
  members(members: ReadonlyMap<string, MemberData>): KeptMember[] {
    return [...this.#ids].flatMap((id) => {
      const member = members.get(id);
      return member === undefined ? [] : [{ id, user: member.user, data: member.data }];
    });
  }

  /** What is to be told of the changes of some members. Those in the sample that have left are replaced, a few at a time. */
  changed(
    ids: Iterable<string>,
    members: ReadonlyMap<string, MemberData>,
  ): { set: KeptMember[]; gone: string[] } {
    const set: string[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      if (!this.#ids.has(id)) continue;
      if (members.has(id)) {
        set.push(id);
      } else {
        this.#ids.delete(id);
        gone.push(id);
      }
    }
    set.push(...this.#take(members, MOST_NEW));
    const told = set.map((id) => {
      const { user, data } = members.get(id)!;
      return { id, user, data };
    });
    return { set: told, gone };
  }

  #take(members: ReadonlyMap<string, MemberData>, most: number): string[] {
    const taken: string[] = [];
    if (this.#ids.size >= SIZE) return taken;
    for (const id of members.keys()) {
      if (this.#ids.size >= SIZE || taken.length >= most) break;
      if (this.#ids.has(id)) continue;
      this.#ids.add(id);
      taken.push(id);
    }
    return taken;
  }
}
