/**
 * What reactions to one message make: what the summary may say, whoever has said what.
 *
 * @module
 */
import type { ReactionSummary, ValuesSummary } from "../../rpc/interactions.ts";
import { DEFAULT_LIMITS } from "../../rpc/limits.ts";
import type { LoggedReaction } from "../document_log.ts";
import { getOr } from "./get_or.ts";

/** Users that a value lists, at most. */
const MOST_LISTED = 50;

/** A reaction that was not refused. */
export interface Said extends LoggedReaction {
  readonly client: string;
  readonly subject: string | undefined;
  /** Whether it counts; otherwise nobody knows. */
  readonly isCertain: boolean;
  /** The line at which it was said. */
  readonly asked?: number | undefined;
  /** The line at which it was answered. */
  readonly done?: number | undefined;
}

/** How often an author has said each value: of what is not known one of several. */
type Counts = ReadonlyMap<string, number>;

/** What one author may have said. */
interface Author {
  readonly subject: string | undefined;
  readonly states: readonly Counts[];
}

/** How often at least and at most. */
interface Range {
  readonly least: number;
  readonly most: number;
}

/** What is wrong with a summary of all that was said of a message, in the order in which each client said it. */
export function wrongReactions(summary: ReactionSummary, said: readonly Said[]): string | undefined {
  const kinds = new Map<string, Said[]>();
  for (const one of said) getOr(kinds, one.kind, () => []).push(one);
  for (const kind of Object.keys(summary)) {
    if (!kinds.has(kind)) return `${kind}, which nobody said`;
  }
  for (const [kind, all] of kinds) {
    const counted = all[0]!.counted;
    const wrong = counted === "total"
      ? wrongTotal(summary[kind], authorsOf(all))
      : wrongValues(summary[kind], all);
    if (wrong !== undefined) return `${kind}: ${wrong}`;
  }
  return undefined;
}

/**
 * Whether a reaction may be refused since there are as many values of its kind as there may be. What was said, in order, is certain where that was
 * known when the refused one was said: then what was taken back is gone.
 */
export function mayBeRefused(refused: Said, said: readonly Said[]): boolean {
  if (refused.undo) return false;
  const takesBack = (later: Said, one: Said): boolean =>
    authorOf(later) === authorOf(one) &&
    (later.undo ? one.counted === "unique" || later.value === one.value : isOtherVote(later, one));
  const isGone = (one: Said, at: number): boolean =>
    said.slice(at + 1).some((later) =>
      later.isCertain && takesBack(later, one) &&
      (one.client === later.client || (one.isCertain && (one.done ?? 0) <= (later.asked ?? 0)))
    );
  const stays = (one: Said): boolean => one.isCertain && !said.some((other) => takesBack(other, one));
  const there = new Set(said.filter((one, at) => !one.undo && !isGone(one, at)).map(({ value }) => value));
  if (there.size < DEFAULT_LIMITS.reactionValues) return false;
  return !said.some((one) => !one.undo && one.value === refused.value && stays(one));
}

function isOtherVote({ counted, value }: Said, one: Said): boolean {
  return counted === "unique" && value !== one.value;
}

function wrongTotal(told: ReactionSummary[string] | undefined, authors: readonly Author[]) {
  const total = told === undefined ? 0 : "total" in told ? told.total : NaN;
  const { least, most } = sumOf(
    authors.map((author) => rangeOf(author.states.map((state) => state.get("") ?? 0))),
  );
  return total >= least && total <= most ? undefined : `${total}, of ${least} to ${most}`;
}

function wrongValues(
  told: ReactionSummary[string] | undefined,
  all: readonly Said[],
): string | undefined {
  if (told !== undefined && !("values" in told)) return "a total";
  const listed = told?.values ?? [];
  const { counted } = all[0]!;
  const values = new Set(all.map(({ value }) => value));
  if (listed.length > DEFAULT_LIMITS.reactionValues) return `${listed.length} values`;
  for (const { value, total } of listed) {
    if (!values.has(value)) return `${value}, which nobody said`;
    if (total < 1) return `${value} ${total} times`;
  }
  if (new Set(listed.map(({ value }) => value)).size < listed.length) return "a value twice";
  // Of `unique` what one says of a value depends on the others; of the rest it does not, and of many values there are too many states together.
  const parts = counted === "unique"
    ? [all]
    : [...values].map((of) => all.filter(({ value }) => value === of));
  const sum = listed.reduce((sum, { total }) => sum + total, 0);
  const known = parts.map((part) => ({ part, authors: authorsOf(part) }));
  const { least, most } = sumOf(
    known.flatMap(({ authors }) => authors.map(({ states }) => rangeOf(states.map(allOf)))),
  );
  if (sum < least || sum > most) return `${counted}: ${sum} in all, of ${least} to ${most}`;
  for (const { part, authors } of known) {
    for (const value of new Set(part.map(({ value }) => value))) {
      const ranged = authors.map((author) => (
        { ...author, range: rangeOf(author.states.map((state) => state.get(value) ?? 0)) }
      ));
      const wrong = wrongValue(listed.find((one) => one.value === value), ranged);
      if (wrong !== undefined) return `${counted}, "${value}": ${wrong}`;
    }
  }
  return undefined;
}

function wrongValue(
  told: ValuesSummary["values"][number] | undefined,
  authors: readonly (Author & { readonly range: Range })[],
): string | undefined {
  const { least, most } = sumOf(authors.map(({ range }) => range));
  const total = told?.total ?? 0;
  if (total < least || total > most) return `${total}, of ${least} to ${most}`;
  if (told === undefined) return undefined;
  const { users, clipped } = told;
  if (users.length > MOST_LISTED) return `${users.length} users`;
  if (new Set(users.map(({ user }) => user)).size < users.length) return "somebody twice";
  for (const { user, count = 1 } of users) {
    const range = authors.find(({ subject }) => subject === user)?.range;
    if (range === undefined || count < Math.max(1, range.least) || count > range.most) {
      return `${user} ${count} times, of ${range?.least ?? 0} to ${range?.most ?? 0}`;
    }
  }
  const counted = users.reduce((sum, { count = 1 }) => sum + count, 0);
  if (clipped === true ? counted >= total : counted !== total) return `${counted} of ${total} are listed`;
  return undefined;
}

/** Who has said anything, and what. Several clients may speak for one author, at once or one after the other. */
function authorsOf(said: readonly Said[]): Author[] {
  const by = new Map<string, Said[]>();
  for (const one of said) {
    getOr(by, authorOf(one), () => []).push(one);
  }
  return [...by.values()].map((all) => {
    const clients = new Map<string, Said[]>();
    for (const one of all) getOr(clients, one.client, () => []).push(one);
    const states = statesOf([...clients.values()]) ?? [new Map(), mostOf(all)];
    return { subject: all[0]!.subject, states };
  });
}

function authorOf({ subject, client }: Said): string {
  return subject === undefined ? `c${client}` : `s${subject}`;
}

type States = Map<string, Counts>;

/** How far what each client has said is counted, and what may be then. */
interface Reached {
  readonly far: readonly number[];
  readonly states: States;
}

/** Ways to put what several have said into one order that are followed at once. */
const MOST_WAYS = 500;

/** All that may be: what each client has said in its own order, and nothing before what was answered when it was said. `undefined` where that is too much to tell. */
function statesOf(clients: readonly (readonly Said[])[]): Counts[] | undefined {
  let reached: Reached[] = [{ far: clients.map(() => 0), states: new Map([["", new Map()]]) }];
  for (let left = clients.flat().length; left > 0; left--) {
    const next = new Map<string, Reached>();
    for (const { far, states } of reached) {
      const rest = clients.map((said, at) => said.slice(far[at]));
      for (const [at, [one]] of rest.entries()) {
        if (one === undefined || rest.flat().some((other) => isBefore(other, one))) continue;
        const then = far.with(at, far[at]! + 1);
        const known = getOr(next, then.join(), () => ({ far: then, states: new Map() }));
        for (const [key, counts] of after(states, one)) known.states.set(key, counts);
      }
    }
    if (next.size > MOST_WAYS) return undefined;
    reached = [...next.values()];
  }
  return [...reached[0]!.states.values()];
}

function isBefore({ client, done = Infinity }: Said, one: Said): boolean {
  return client !== one.client && done < (one.asked ?? 0);
}

/** What may be after one more was said: what is not certain may count or not. */
function after(states: States, one: Said): States {
  const after: States = one.isCertain ? new Map() : new Map(states);
  for (const state of states.values()) {
    const counts = afterwards(state, one);
    after.set([...counts].sort().join(), counts);
  }
  return after;
}

/** The most of each value, where nobody knows what came after what: of several values of `unique` all. */
function mostOf(said: readonly Said[]): Counts {
  const most = new Map<string, number>();
  for (const { value, undo, counted } of said) {
    if (undo) continue;
    most.set(value, counted === "total" || counted === "multiple" ? (most.get(value) ?? 0) + 1 : 1);
  }
  return most;
}

function afterwards(counts: Counts, { counted, value, undo }: Said): Counts {
  const after = counted === "unique" ? new Map<string, number>() : new Map(counts);
  const before = after.get(value) ?? 0;
  if (undo) {
    if (counted === "total" && before > 1) after.set(value, before - 1);
    else after.delete(value);
  } else after.set(value, counted === "total" || counted === "multiple" ? before + 1 : 1);
  return after;
}

function rangeOf(counts: readonly number[]): Range {
  return { least: Math.min(...counts), most: Math.max(...counts) };
}

function allOf(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function sumOf(ranges: readonly Range[]): Range {
  return {
    least: ranges.reduce((sum, { least }) => sum + least, 0),
    most: ranges.reduce((sum, { most }) => sum + most, 0),
  };
}
