// Bugs of reactions, in histories and in the core: of each kind the checker finds what is counted otherwise.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CallError } from "../rpc/errors.ts";
import type { Counting, ReactionSummary } from "../rpc/interactions.ts";
import { type Reaction, ReactionState } from "../rpc/reaction_state.ts";
import { mayBeRefused, type Said, wrongReactions } from "../testing/rules/reactions.ts";
import { isFound } from "./suites/document_bugs.ts";

/** The first seed in which so much is said of one message that it takes no more. */
const CROWD = 69;

const KINDS = { like: "total", mood: "distinct", vote: "unique", emoji: "multiple" } as const;

/** What people have said, each `who kind value`, behind `-` what is taken back, behind `?` what may count. */
function said(...all: string[]): Said[] {
  return all.map((one) => {
    const [, sign, who, kind, value = ""] = one.match(/^([-?]?)(\w+) (\w+) ?(\w*)$/)! as unknown as string[];
    const counted = KINDS[kind as keyof typeof KINDS];
    const subject = who!.split("_")[0]; // "ada_1" is a life of hers
    return {
      kind: kind!,
      counted,
      value,
      undo: sign === "-",
      client: who!,
      subject,
      isCertain: sign !== "?",
    };
  });
}

/** What the core makes of it, where it counts so. */
function summaryOf(
  all: readonly Said[],
  countedAs = (counted: Counting): Counting => counted,
): ReactionSummary {
  const state = new ReactionState();
  for (const { kind, counted, value, undo, subject } of all) {
    state.add({ kind, value, undo, author: `s${subject}` }, countedAs(counted));
  }
  return state.summary(KINDS);
}

const ALL = said(
  "ada like",
  "ada like",
  "bob like",
  "-ada like",
  "ada mood a",
  "ada mood a",
  "bob mood a",
  "bob mood b",
  "-bob mood a",
  "ada vote a",
  "ada vote b",
  "bob vote b",
  "-bob vote",
  "ada emoji a",
  "ada emoji a",
  "bob emoji a",
  "bob emoji b",
  "-bob emoji b",
);

describe("in what was said of a message", () => {
  it("nothing is wrong that the core makes of it", () => {
    assertEquals(wrongReactions(summaryOf(ALL), ALL), undefined);
    assertEquals(wrongReactions({}, []), undefined);
  });

  it("what may count is in it or not", () => {
    const all = said("ada vote a", "?ada vote b", "?bob like", "?ada mood a");
    assertEquals(wrongReactions(summaryOf(all), all), undefined);
    assertEquals(wrongReactions(summaryOf(said("ada vote a")), all), undefined);
    assert(wrongReactions(summaryOf(said("ada vote a", "bob vote b")), all) !== undefined);
    assert(wrongReactions({}, all) !== undefined);
  });

  it("what a life before left open may count behind what came after it", () => {
    const all = said("?ada_1 vote a", "ada_2 vote b");
    assertEquals(wrongReactions(summaryOf(said("ada vote b", "ada vote a")), all), undefined);
    assert(wrongReactions(summaryOf(said("ada vote c")), all) !== undefined);
  });

  const values = (
    kind: string,
    ...values: readonly { value: string; total: number; users: readonly object[] }[]
  ) => (
    { ...summaryOf(ALL), [kind]: { values } } as ReactionSummary
  );
  const [ada, bob] = [{ user: "ada" }, { user: "bob" }];
  const wrong: Record<string, ReactionSummary> = {
    "a kind that nobody said": { ...summaryOf(ALL), star: { total: 1 } },
    "a kind that is missing": summaryOf(ALL.filter(({ kind }) => kind !== "vote")),
    "of `total` one too many": { ...summaryOf(ALL), like: { total: 3 } },
    "of `total` one too few": { ...summaryOf(ALL), like: { total: 1 } },
    "of `distinct` who said it twice, counted twice": values(
      "mood",
      { value: "a", total: 2, users: [ada] },
      { value: "b", total: 1, users: [bob] },
    ),
    "of `distinct` another user": values(
      "mood",
      { value: "a", total: 1, users: [bob] },
      { value: "b", total: 1, users: [bob] },
    ),
    "of `unique` the vote before": values("vote", { value: "a", total: 1, users: [ada] }),
    "of `unique` two votes of one user": values(
      "vote",
      { value: "a", total: 1, users: [ada] },
      { value: "b", total: 1, users: [ada] },
    ),
    "of `unique` what was taken back": values("vote", { value: "b", total: 2, users: [ada, bob] }),
    "of `multiple` what is counted once": values(
      "emoji",
      { value: "a", total: 2, users: [{ ...ada, count: 1 }, { ...bob, count: 1 }] },
    ),
    "of `multiple` one's of another": values(
      "emoji",
      { value: "a", total: 3, users: [{ ...ada, count: 1 }, { ...bob, count: 2 }] },
    ),
    "a value that was taken back, none times": values(
      "emoji",
      { value: "a", total: 3, users: [{ ...ada, count: 2 }, { ...bob, count: 1 }] },
      { value: "b", total: 0, users: [] },
    ),
  };
  for (const [name, summary] of Object.entries(wrong)) {
    it(`${name} is wrong`, () => assert(wrongReactions(summary, ALL) !== undefined));
  }
});

describe("of what a message may have", () => {
  const moods = (count: number): Said[] => said(...Array.from({ length: count }, (_, n) => `ada mood v${n}`));
  const listed = (count: number, users = 1): ReactionSummary => ({
    mood: {
      values: Array.from({ length: count }, (_, n) => ({
        ...{ value: `v${n}`, total: users },
        users: Array.from({ length: users }, (_, user) => ({ user: user === 0 ? "ada" : `u${user}` })),
      })),
    },
  });
  const refused = said("bob mood other")[0]!;

  it("64 values are right, and one more is wrong", () => {
    assertEquals(wrongReactions(listed(64), moods(64)), undefined);
    assert(wrongReactions(listed(65), moods(65)) !== undefined);
  });

  it("50 users of a value are right, and one more is wrong", () => {
    const by = (users: number) =>
      said("ada mood v0", ...Array.from({ length: users - 1 }, (_, n) => `u${n + 1} mood v0`));
    assertEquals(wrongReactions(listed(1, 50), by(50)), undefined);
    assert(wrongReactions(listed(1, 51), by(51)) !== undefined);
  });

  it("one more is refused", () => {
    assert(mayBeRefused(refused, moods(64)));
    assert(mayBeRefused(refused, [...moods(63), ...said("?bob mood one")]), "it may have come");
    assert(
      mayBeRefused(refused, [...moods(64), ...said("bob mood v1", "-ada mood v1")]),
      "bob says it still",
    );
  });

  it("none is refused before", () => {
    assert(!mayBeRefused(refused, moods(63)));
    assert(!mayBeRefused(refused, [...moods(64), ...said("ada mood v1")].slice(1)));
    assert(!mayBeRefused(refused, [...moods(64), ...said("-ada mood v1")]), "one was taken back");
    assert(!mayBeRefused(said("bob mood v1")[0]!, moods(64)), "it is there already");
    assert(!mayBeRefused(said("-ada mood v1")[0]!, moods(64)), "it takes back");
  });

  it("of many of which nobody knows it is said at once", () => {
    const open = moods(70).map((one) => ({ ...one, isCertain: false }));
    assertEquals(wrongReactions(listed(30), open), undefined);
    assert(wrongReactions(listed(30, 2), open) !== undefined);
  });
});

describe("a bug in the core", () => {
  type Add = ReactionState["add"];
  const counting =
    (change: (reaction: Reaction, counting: Counting) => [Reaction, Counting]) => (add: Add): Add =>
      function (this: ReactionState, ...given) {
        return add.apply(this, change(...given));
      };
  const countedAs = (from: Counting, to: Counting) =>
    counting((reaction, counting) => [reaction, counting === from ? to : counting]);

  const bugs: Record<string, (add: Add) => Add> = {
    "that counts of `total` each user once": countedAs("total", "distinct"),
    "that counts of `distinct` what one says twice": countedAs("distinct", "multiple"),
    "that keeps of `unique` the vote before": countedAs("unique", "distinct"),
    "that counts of `multiple` each user once": countedAs("multiple", "distinct"),
    "that takes nothing back": counting((reaction, counting) => [{ ...reaction, undo: false }, counting]),
    "that takes back what others have said": counting(
      (
        reaction,
        counting,
      ) => [{ ...reaction, author: reaction.kind === "like" ? reaction.author : "n" }, counting],
    ),
  };
  for (const [name, bug] of Object.entries(bugs)) {
    it(`${name} is found`, async () => assert(await isFound(ReactionState.prototype, "add", bug)));
  }

  const valuesOf = (state: ReactionState, kind: string, counting: Counting): readonly string[] => {
    const summary = state.summary({ [kind]: counting })[kind];
    return summary !== undefined && "values" in summary ? summary.values.map(({ value }) => value) : [];
  };
  it("that refuses one value too early is found", async () => {
    const bug = (add: Add): Add =>
      function (this: ReactionState, reaction, counting) {
        const values = valuesOf(this, reaction.kind, counting);
        if (values.length < 63 || values.includes(reaction.value) || reaction.undo) {
          return add.call(this, reaction, counting);
        }
        throw new CallError("TOO_LARGE");
      };
    assert(await isFound(ReactionState.prototype, "add", bug, CROWD));
  });

  it("that has no bound is found", async () => {
    const { summary } = ReactionState.prototype;
    const bug = (add: Add): Add =>
      function (this: ReactionState, reaction, counting) {
        const more = { ...reaction, kind: `${reaction.kind}+` };
        try {
          const isOther = add.call(this, reaction, counting);
          return reaction.undo
            ? add.call(this, { ...more, producer: undefined }, counting) || isOther
            : isOther;
        } catch {
          return add.call(this, more, counting);
        }
      };
    ReactionState.prototype.summary = function (kinds) {
      const all = Object.entries(kinds).flatMap(([kind, how]) => [[kind, how], [`${kind}+`, how]]);
      const told: Record<string, unknown> = {};
      for (const [name, one] of Object.entries(summary.call(this, Object.fromEntries(all)))) {
        const kind = name.replace("+", "");
        const before = told[kind] as typeof one | undefined;
        const isMore = before !== undefined && "values" in before && "values" in one;
        told[kind] = isMore ? { values: [...before.values, ...one.values] } : one;
      }
      return told as ReactionSummary;
    };
    try {
      assert(await isFound(ReactionState.prototype, "add", bug, CROWD));
    } finally {
      ReactionState.prototype.summary = summary;
    }
  });
});
