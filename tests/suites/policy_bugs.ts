/**
 * Bugs of policies, one thing wrong each in a clean history of which one subscription was made to be slow.
 */
import type { LoggedPolicy } from "../../testing/log.ts";
import type { Mutant, SeededBug } from "./mutant.ts";

/** Lets all subscriptions have a policy, and publications one of three tags. */
export function lossy({ log }: Mutant, policy: LoggedPolicy): void {
  for (const event of log) {
    if (event.is === "subscribe") Object.assign(event, { policy });
    else if (event.is === "publish") Object.assign(event, { tag: `${Number(/\d+$/.exec(event.value)) % 3}` });
  }
}

/** Leaves a message out, and says so. Gives where the gap is. */
function leaveOut(mutant: Mutant, at: number, reason: string): number {
  const { sub, position, at: when } = mutant.get("message", at);
  const gap = {
    at: when,
    is: "gap",
    sub,
    from: position.offset,
    to: position.offset,
    position,
    reason,
  } as const;
  mutant.log[at] = gap;
  return at;
}

/** The last message of a subscription that goes on to the end, without another one of it behind, or with one. */
function lastMessage(mutant: Mutant, isLast: boolean): number {
  return mutant.find("message", ({ sub }, at) => {
    const rest = mutant.log.slice(at + 1);
    const goesOn = !rest.some((event) =>
      "sub" in event && event.sub === sub && ["gap", "reset", "unsubscribed"].includes(event.is)
    );
    return goesOn && rest.some((event) => event.is === "message" && event.sub === sub) !== isLast;
  });
}

/** The newest of everything. */
const LATEST: LoggedPolicy = { reason: "conflated", newest: "all" };

/** A history in which one message that is not the newest was left out: nothing is wrong with it. */
export function conflated(mutant: Mutant): void {
  lossy(mutant, LATEST);
  leaveOut(mutant, lastMessage(mutant, false), LATEST.reason);
}

/** The bugs. */
export const POLICY_BUGS: readonly SeededBug[] = [
  ["policy", "the newest is left out, and never comes: latest", (mutant) => {
    lossy(mutant, LATEST);
    leaveOut(mutant, lastMessage(mutant, true), "conflated");
  }],
  ["policy", "the newest is left out, and never comes: sample", (mutant) => {
    lossy(mutant, { reason: "sampled", newest: "all" });
    leaveOut(mutant, lastMessage(mutant, true), "sampled");
  }],
  ["policy", "the newest is left out, and never comes: drop oldest", (mutant) => {
    lossy(mutant, { reason: "dropped", newest: "all" });
    leaveOut(mutant, lastMessage(mutant, true), "dropped");
  }],
  ["policy", "the newest of a tag is left out, and only others come: latest by key", (mutant) => {
    lossy(mutant, { reason: "conflated", newest: "tag" });
    const at = lastMessage(mutant, false);
    const { value, sub } = mutant.get("message", at);
    const { tag } = mutant.get("publish", mutant.find("publish", (event) => event.value === value));
    const later = new Set(
      mutant.log.slice(at + 1).flatMap((event) =>
        event.is === "message" && event.sub === sub ? [event.value] : []
      ),
    );
    for (const event of mutant.log) {
      if (event.is === "publish" && later.has(event.value)) Object.assign(event, { tag: `not ${tag}` });
    }
    leaveOut(mutant, at, "conflated");
  }],
  ["policy", "something is left out for who wants everything", (mutant) => {
    leaveOut(mutant, lastMessage(mutant, false), "conflated");
  }],
  ["policy", "something is left out by another policy", (mutant) => {
    lossy(mutant, LATEST);
    leaveOut(mutant, lastMessage(mutant, false), "dropped");
  }],
  ["policy", "a gap in which there was nothing that it wanted", (mutant) => {
    lossy(mutant, LATEST);
    for (const event of mutant.log) {
      if (event.is === "subscribe") Object.assign(event, { filter: ["0", "1", "2"] });
    }
    const at = leaveOut(mutant, lastMessage(mutant, false), "conflated");
    const { position } = mutant.get("gap", at);
    const append = mutant.find("append", (event) => event.position.fingerprint === position.fingerprint);
    const { value } = mutant.get("append", append);
    mutant.change("publish", mutant.find("publish", (event) => event.value === value), { tag: "none" });
  }],
  ["contiguity", "a gap of a policy begins too late", (mutant) => {
    lossy(mutant, LATEST);
    const at = mutant.followed();
    const next = mutant.next(at);
    mutant.remove(at);
    leaveOut(mutant, next - 1, "conflated");
  }],
];
