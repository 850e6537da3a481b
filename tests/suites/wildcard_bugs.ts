/**
 * A wildcard in a clean history, and bugs of wildcards, one thing wrong each.
 */
import type { LogEvent } from "../../testing/log.ts";
import type { Mutant, SeededBug } from "./mutant.ts";

const [client, channel, wild, sub] = ["ada", "green/1", "ada*1", "ada*1/1"];

function place(offset: number): { epoch: string; offset: number; fingerprint: number } {
  return { epoch: "green", offset, fingerprint: offset * 1_000 };
}

/** A publication that comes to the wildcard. */
function publication(offset: number): LogEvent[] {
  const publishing = { at: 0, channel, producer: "bob", number: offset } as const;
  const value = `bob-${channel}-${offset}`;
  const position = place(offset);
  return [
    { ...publishing, is: "publish", value },
    { at: 0, is: "append", channel, position, previous: place(offset - 1).fingerprint, value },
    { ...publishing, is: "published", position },
    ...(offset > 1 ? [] : [{ at: 0, is: "subscribe", client, channel, sub, wild } as const]),
    { at: 0, is: "message", sub, position, value },
  ];
}

/** Everything goes right: the client hears of a channel that appears, and gets all of it. */
export function wildcardHistory(): LogEvent[] {
  return [
    { at: 0, is: "retention", channel, messages: 10, ms: 1_000_000 },
    { at: 0, is: "wildcard", client, wild, match: "green/*" },
    { at: 0, is: "wildcard live", wild },
    { at: 0, is: "matched", client, channel },
    ...[1, 2, 3].flatMap(publication),
    { at: 0, is: "seen", client, channel, offset: 3 },
  ];
}

/** Puts a part of it into the history of a mutant, where everything comes right. */
function within(mutant: Mutant, change: (log: LogEvent[]) => LogEvent[]): void {
  const at = mutant.find("calm");
  const time = mutant.log[at]!.at;
  mutant.log.splice(at, 0, ...change(wildcardHistory()).map((event) => ({ ...event, at: time })));
}

/** Whether something is told of the wildcard's subscription to its channel. */
export function isOf(event: LogEvent): boolean {
  return "sub" in event && event.sub === sub;
}

/** The same, of a wildcard that asks for a tag; what is published has the tag "a". */
export function filtered(log: readonly LogEvent[], tag: string): LogEvent[] {
  return log.map((event) => {
    if (event.is === "publish") return { ...event, tag: "a" };
    return event.is === "wildcard" || event.is === "subscribe" ? { ...event, filter: [tag] } : event;
  });
}

/** The bugs. */
export const WILDCARD_BUGS: readonly SeededBug[] = [
  ["wildcard", "a channel that appears is never told", (mutant) => {
    within(mutant, (log) => log.filter((event) => !isOf(event)));
  }],
  ["wildcard", "a channel that appears does not begin at its beginning", (mutant) => {
    within(mutant, (log) => log.filter((event) => !(event.is === "message" && event.position.offset === 1)));
  }],
  ["wildcard", "of what it asks for in a channel that appears it is given nothing", (mutant) => {
    within(mutant, (log) => filtered(log, "a").filter((event) => !isOf(event)));
  }],
  ["wildcard", "the first that it asks for in a channel that appears is passed over", (mutant) => {
    within(
      mutant,
      (log) => filtered(log, "a").filter((event) => !(event.is === "message" && event.position.offset === 1)),
    );
  }],
  ["filter", "a wildcard is given what it did not ask for", (mutant) => {
    within(mutant, (log) => filtered(log, "b"));
  }],
  ["wildcard", "the client is told of a channel that it may not know of", (mutant) => {
    within(mutant, (log) => {
      const revoke = { at: 0, is: "revoke", client, channel: "green/2" } as const;
      return [...log, revoke];
    });
    const late = mutant.log.at(-1)!.at + 5_000;
    mutant.log.push({ at: late, is: "matched", client, channel: "green/2" });
  }],
  ["wildcard", "a wildcard is never live", (mutant) => {
    within(mutant, (log) => log.filter((event) => event.is !== "wildcard live"));
  }],
  ["contiguity", "a publication comes twice to one wildcard", (mutant) => {
    within(mutant, (log) => {
      const at = log.findIndex(({ is }) => is === "message");
      return log.toSpliced(at, 0, log[at]!);
    });
  }],
];
