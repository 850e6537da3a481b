/**
 * Bugs of presence, one thing wrong in a history in which two clients meet at a desk.
 */
import type { LogEvent } from "../../testing/log.ts";
import type { Mutant, SeededBug } from "./mutant.ts";

type View = Extract<LogEvent, { is: "view" }>;

/** Puts a meeting at a desk into a history, and gives what is told at its end to be changed. `calm` is when the last fault is over; `more` follows it. */
function meeting(
  mutant: Mutant,
  change: (views: View[]) => void,
  { ends = "ada@3" as string | undefined, more = [] as readonly LogEvent[] } = {},
): void {
  const channel = "desk/1";
  const view = (at: number, members: string[], more: object = {}): View => ({
    ...{ at, is: "view", watch: "w", count: members.length, sample: false, members },
    ...more,
  } as View);
  const views = [
    view(20, ["ada@1"]),
    view(40, ["ada@2", "bob@1"]),
    view(90_000, ends === undefined ? [] : [ends]),
  ];
  change(views);
  const start = mutant.log.findIndex(({ is }) => is !== "room" && is !== "retention");
  const finish = mutant.find("finish");
  mutant.log.splice(finish, 1);
  mutant.log.splice(
    start,
    0,
    { at: 0, is: "threshold", channel, members: 2 },
    ...["ada", "bob", "eve"].map((client) => ({ at: 0, is: "welcomed", client, resumed: false }) as const),
    { at: 0, is: "watches", client: "eve", channel, watch: "w", countOnly: false },
    { at: 10, is: "enters", client: "ada", channel, value: "ada@1" },
    { at: 15, is: "entered", client: "ada", channel, value: "ada@1" },
    ...views.slice(0, 1),
    { at: 30, is: "enters", client: "ada", channel, value: "ada@2" },
    { at: 30, is: "enters", client: "bob", channel, value: "bob@1" },
    { at: 35, is: "entered", client: "ada", channel, value: "ada@2" },
    { at: 35, is: "entered", client: "bob", channel, value: "bob@1" },
    ...views.slice(1, 2),
    { at: 50, is: "leaves", client: "bob", channel },
  );
  if (ends !== undefined) {
    mutant.log.push(
      { at: 60, is: "enters", client: "ada", channel, value: "ada@3" },
      { at: 65, is: "entered", client: "ada", channel, value: "ada@3" },
    );
  }
  mutant.log.push({ at: 70, is: "calm" }, ...more, ...views.slice(2), { at: 120_000, is: "finish" });
}

/** A meeting in which nothing is wrong. */
export function cleanMeeting(mutant: Mutant): void {
  meeting(mutant, () => {});
}

/** Bob, who has left, was asleep until long after the last fault: what he had sent before comes with him, and is seen so many ms later. */
function wokenMeeting(mutant: Mutant, ms: number): void {
  const at = 60_000;
  meeting(mutant, (views) => {
    views.splice(2, 0, { ...views[1]!, at: at + ms, members: ["ada@3", "bob@1"] });
  }, { more: [{ at, is: "welcomed", client: "bob", resumed: true }] });
}

/** A meeting in which nothing is wrong: one wakes late, and what it had sent before it left is sent again with that it leaves. */
export function lateMeeting(mutant: Mutant): void {
  wokenMeeting(mutant, 50);
}

function bug(what: string, change: (views: View[]) => void): SeededBug {
  return ["presence", what, (mutant) => meeting(mutant, change)];
}

function put(views: View[], at: number, change: Partial<View>): void {
  views[at] = { ...views[at]!, ...change } as View;
}

/** The bugs. */
export const PRESENCE_BUGS: readonly SeededBug[] = [
  bug("that somebody left is not told", (views) => put(views, 2, { count: 2, members: ["ada@3", "bob@1"] })),
  bug("a stale snapshot is applied: older data after newer", (views) => {
    views.splice(2, 0, { ...views[0]!, at: 45 });
  }),
  bug("somebody is seen who never entered", (views) => put(views, 1, { members: ["ada@2", "cy@1"] })),
  bug("somebody is seen twice", (views) => put(views, 1, { members: ["ada@1", "ada@2"] })),
  bug("who is there is not seen", (views) => put(views, 2, { count: 0, members: [] })),
  bug("the latest word is not told", (views) => put(views, 2, { members: ["ada@2"] })),
  bug("the count is wrong", (views) => put(views, 2, { count: 2 })),
  bug("a sample is told where all can be", (views) => put(views, 2, { sample: true })),
  bug("more are seen than are counted", (views) => put(views, 1, { count: 1 })),
  bug("who watches is told nothing", (views) => views.splice(0)),
  bug("a ghost is kept and gone at last", (views) => {
    views.splice(2, 0, { ...views[1]!, at: 80_000, members: ["ada@3", "bob@1"] });
  }),
  [
    "presence",
    "a ghost is kept of who has come back, and has said that it leaves",
    (mutant) => wokenMeeting(mutant, 20_000),
  ],
  bug("a ghost is seen of who has not come back", (views) => {
    views.splice(2, 0, { ...views[1]!, at: 60_050, members: ["ada@3", "bob@1"] });
  }),
];
