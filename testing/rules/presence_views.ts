/**
 * What a view says beside who is there: who stands under which user, and what is another than before.
 *
 * @module
 */
import type { Line } from "./rule.ts";

type View = Line<"view">;

/** The client behind what a member tells. */
export function clientOf(value: string): string {
  return value.slice(0, value.lastIndexOf("@"));
}

/** What is wrong with the users of a view: each member is of its user, all of one user stand together, and who has not signed in stands alone. */
export function wrongUsers(
  { members, as, users }: View,
  userOf: (client: string) => string | undefined,
): string | undefined {
  const isOf = (value: string, user: string | undefined): boolean => userOf(clientOf(value)) === user;
  if (as !== undefined) {
    if (as.length !== members.length) return `${as.length} users of ${members.length} members`;
    const at = members.findIndex((value, at) => !isOf(value, as[at]));
    if (at >= 0) return `${members[at]} as ${as[at]}, and it is ${userOf(clientOf(members[at]!))}`;
  }
  if (users === undefined) return undefined;
  for (const { user, members } of users) {
    const stranger = members.find((value) => !isOf(value, user));
    if (stranger !== undefined) return `${stranger} under ${user}, and it is ${userOf(clientOf(stranger))}`;
    if (members.length === 0) return `nobody under ${user}`;
    if (user === undefined && members.length > 1) {
      return `${members.join(", ")} together, who have not signed in`;
    }
  }
  const names = users.flatMap(({ user }) => user === undefined ? [] : [user]);
  if (new Set(names).size < names.length) return `one user twice, of ${names.join(", ")}`;
  const folded = users.flatMap(({ members }) => members);
  return isSame(folded, members) ? undefined : `${folded.join(", ")} by user, of ${members.join(", ")}`;
}

/** What is wrong with what a view says of the one before. */
export function wrongChange({ members, change }: View, before: readonly string[]): string | undefined {
  if (change === undefined) return undefined;
  const was = new Map(before.map((value) => [clientOf(value), value]));
  const is = new Map(members.map((value) => [clientOf(value), value]));
  const isNew = (value: string): boolean => !was.has(clientOf(value));
  const right = {
    entered: members.filter(isNew),
    updated: members.filter((value) => !isNew(value) && was.get(clientOf(value)) !== value),
    left: before.filter((value) => !is.has(clientOf(value))),
  };
  for (const what of ["entered", "updated", "left"] as const) {
    if (isSame(change[what], right[what])) continue;
    return `${what}: ${change[what].join(", ") || "nobody"}, and it is ${right[what].join(", ") || "nobody"}`;
  }
  return undefined;
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join() === [...others].sort().join();
}
