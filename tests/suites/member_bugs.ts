/**
 * Bugs of users, changes and reads by server code, one thing wrong in a history in which two connections of one user, and somebody who has not signed in, meet at a desk.
 */
import type { LogEvent } from "../../testing/log.ts";
import type { Mutant, SeededBug } from "./mutant.ts";

type View = Extract<LogEvent, { is: "view" }>;
type Change = NonNullable<View["change"]>;

const CHANNEL = "desk/1";
const NOTHING: Change = { entered: [], updated: [], left: [] };
const USERS: Readonly<Record<string, string>> = { ada: "ann", bob: "ann" };

function userOf(value: string): string | undefined {
  return USERS[value.split("@")[0]!];
}

function view(at: number, watch: string, members: readonly string[], change?: Partial<Change>): View {
  const as = members.map(userOf);
  const told = { at, is: "view", watch, count: members.length, sample: false, members, as } as const;
  if (change === undefined) return told;
  const ann = members.filter((value) => userOf(value) !== undefined);
  const guests = members.filter((value) => userOf(value) === undefined);
  const users = [
    ...(ann.length === 0 ? [] : [{ user: "ann", members: ann }]),
    ...guests.map((value) => ({ user: undefined, members: [value] })),
  ];
  return { ...told, users, change: { ...NOTHING, ...change } };
}

/** What is told: by `w` to a client, by the others to server code. */
interface Told {
  first: View;
  second: View;
  third: View;
  /** Server code, after bob has left. */
  between: View;
  /** Server code, at the end. */
  pages: View;
  count: View;
}

/** Puts the meeting into a history, and gives what is told to be changed. */
function gathering(mutant: Mutant, change: (told: Told) => void): void {
  const told: Told = {
    first: view(20, "w", ["ada@1"], { entered: ["ada@1"] }),
    second: view(40, "w", ["ada@2", "bob@1", "cy@1", "dee@1"], {
      entered: ["bob@1", "cy@1", "dee@1"],
      updated: ["ada@2"],
    }),
    between: view(61, "server%1", ["ada@2", "cy@1", "dee@1"]),
    third: view(90_000, "w", ["ada@2", "cy@1", "dee@1"], { left: ["bob@1"] }),
    pages: view(100_001, "server%2", ["ada@2", "cy@1", "dee@1"]),
    count: { ...view(100_001, "server%3", []), count: 3 },
  };
  change(told);
  const start = mutant.log.findIndex(({ is }) => is !== "room" && is !== "retention");
  mutant.log.splice(mutant.find("finish"), 1);
  const says = (client: string, n: number): LogEvent[] => {
    const who = { client, channel: CHANNEL, value: `${client}@${n}` };
    return [
      { at: 10 * n, is: "enters", ...who, user: USERS[client] },
      { at: 10 * n + 5, is: "entered", ...who },
    ];
  };
  const reads = (at: number, watch: string, countOnly: boolean): LogEvent => (
    { at, is: "watches", client: "server", channel: CHANNEL, watch, countOnly, isPaged: true }
  );
  mutant.log.splice(
    start,
    0,
    { at: 0, is: "threshold", channel: CHANNEL, members: 5 },
    ...["ada", "bob", "cy", "dee", "eve"].map((client) =>
      ({ at: 0, is: "welcomed", client, resumed: false }) as const
    ),
    { at: 0, is: "watches", client: "eve", channel: CHANNEL, watch: "w", countOnly: false },
    ...says("ada", 1),
    told.first,
    ...says("ada", 2),
    ...["bob", "cy", "dee"].flatMap((client) => says(client, 1)),
    told.second,
    { at: 50, is: "leaves", client: "bob", channel: CHANNEL },
    { at: 55, is: "gone", client: "bob", channel: CHANNEL },
    reads(60, "server%1", false),
    told.between,
  );
  mutant.log.push(
    { at: 70, is: "calm" },
    told.third,
    reads(100_000, "server%2", false),
    reads(100_000, "server%3", true),
    told.pages,
    told.count,
    { at: 120_000, is: "finish" },
  );
}

/** A meeting in which nothing is wrong. */
export function cleanGathering(mutant: Mutant): void {
  gathering(mutant, () => {});
}

type Part = { readonly [Key in keyof Pick<View, "members" | "as" | "users" | "count">]?: View[Key] };

function bug(
  what: string,
  which: keyof Told,
  change: Part | { readonly change: Partial<Change> },
): SeededBug {
  return ["presence", what, (mutant) =>
    gathering(mutant, (told) => {
      const before = told[which];
      const changed = "change" in change ? { change: { ...before.change!, ...change.change } } : change;
      told[which] = { ...before, ...changed };
    })];
}

const [ann, cy, dee] = [
  { user: "ann", members: ["ada@2", "bob@1"] },
  { user: undefined, members: ["cy@1"] },
  { user: undefined, members: ["dee@1"] },
];

/** The bugs. */
export const MEMBER_BUGS: readonly SeededBug[] = [
  bug("a member says it is of another user", "second", { as: ["ann", "bob", undefined, undefined] }),
  bug("who has not signed in says it is of a user", "second", { as: ["ann", "ann", "ann", undefined] }),
  bug("a member stands under another user", "second", {
    users: [{ user: "ann", members: ["ada@2"] }, { user: "bob", members: ["bob@1"] }, cy, dee],
  }),
  bug("one user stands there twice", "second", {
    users: [{ user: "ann", members: ["ada@2"] }, { user: "ann", members: ["bob@1"] }, cy, dee],
  }),
  bug("a connection of a user is not under it", "second", {
    users: [{ user: "ann", members: ["ada@2"] }, cy, dee],
  }),
  bug("two who have not signed in stand together", "second", {
    users: [ann, { user: undefined, members: ["cy@1", "dee@1"] }],
  }),
  bug("a user stands there with nobody", "third", {
    users: [{ user: "ann", members: ["ada@2"] }, { user: "bob", members: [] }, cy, dee],
  }),
  bug("who is there is not told to have entered", "second", { change: { entered: ["cy@1", "dee@1"] } }),
  bug("who was there is told to have entered", "third", { change: { entered: ["cy@1"] } }),
  bug("what somebody tells anew is not told", "second", { change: { updated: [] } }),
  bug("who tells the same is told to tell something else", "third", { change: { updated: ["cy@1"] } }),
  bug("who has left is not told to have left", "third", { change: { left: [] } }),
  bug("who has left is told with what it never told", "third", { change: { left: ["bob@2"] } }),
  bug("server code reads that one is of another user", "pages", { as: ["ann", "ann", undefined] }),
  bug("server code does not read who is there", "pages", {
    count: 2,
    members: ["ada@2", "cy@1"],
    as: ["ann", undefined],
  }),
  bug("server code counts one too many", "count", { count: 4 }),
  bug("server code reads what was told before what is acknowledged", "between", {
    members: ["ada@1", "cy@1", "dee@1"],
  }),
  bug("server code reads who is known to have left", "between", {
    count: 4,
    members: ["ada@2", "bob@1", "cy@1", "dee@1"],
    as: ["ann", "ann", undefined, undefined],
  }),
];
