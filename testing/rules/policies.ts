/**
 * Policies of slow subscriptions: what is left out is told exactly, and the newest comes in the end.
 *
 * @module
 */
import { show } from "./publications.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";
import { positionKey, type TrueEntry } from "./truth.ts";

/** The words of gaps that a policy makes. */
const REASONS = new Set(["conflated", "sampled", "dropped"]);

type PoliciesLine = "message" | "gap" | "reset" | "unsubscribed" | "crash" | "calm" | "finish";

/** What a policy leaves out. */
export class Policies implements RuleCheck<PoliciesLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly PoliciesLine[] = [
    "message",
    "gap",
    "reset",
    "unsubscribed",
    "crash",
    "calm",
    "finish",
  ];
  readonly #surroundings: Surroundings;
  readonly #subscriptions: Subscriptions;
  /** Of each subscription what was left out and has no newer one yet: by the tag, or by nothing. */
  readonly #open = new Map<string, Map<string, string>>();
  readonly #gone = new Set<string>();
  #isCalm = false;

  constructor(surroundings: Surroundings, subscriptions: Subscriptions) {
    this.#surroundings = surroundings;
    this.#subscriptions = subscriptions;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<PoliciesLine>, line: number): void {
    switch (event.is) {
      case "crash":
        return void this.#gone.add(event.client);
      case "calm":
        this.#isCalm = true;
        return;
      case "finish":
        return this.#finish(line);
      case "reset":
      case "unsubscribed":
        return void this.#open.delete(event.sub);
    }
    const subscription = this.#subscriptions.all.get(event.sub);
    if (subscription === undefined) return;
    if (event.is === "message") return this.#message(subscription, event.value);
    if (REASONS.has(event.reason)) this.#gap(subscription, event, line);
    else this.#tooLarge(subscription, event);
  }

  /** One that the client does not take is told to be newer, as a message is. */
  #tooLarge(subscription: Subscription, { position }: Line<"gap">): void {
    const channel = this.#surroundings.truth.channel(subscription.channel);
    const entry = channel.ever.get(positionKey(position));
    if (entry !== undefined) this.#message(subscription, entry.value);
  }

  #message({ sub, policy }: Subscription, value: string): void {
    const open = this.#open.get(sub);
    if (open === undefined || policy === undefined) return;
    open.delete(policy.newest === "all" ? "" : this.#tag(value));
  }

  #gap(subscription: Subscription, { position, from, reason }: Line<"gap">, line: number): void {
    const { sub, channel: name, policy, filter } = subscription;
    const { truth } = this.#surroundings;
    if (policy?.reason !== reason) {
      return this.#found(
        subscription,
        `a gap to ${show(position)} that is "${reason}", which it does not allow`,
        line,
      );
    }
    const channel = truth.channel(name);
    if (!channel.isTold) return;
    const open = this.#open.get(sub) ?? new Map<string, string>();
    this.#open.set(sub, open);
    const { epoch } = position;
    let { offset, fingerprint } = position;
    let left = 0;
    for (; offset >= from; offset--) {
      const entry: TrueEntry | undefined = channel.ever.get(positionKey({ epoch, offset, fingerprint }));
      if (entry === undefined) return;
      fingerprint = entry.previous;
      if (!truth.passes(entry.value, filter)) continue;
      left++;
      open.set(policy.newest === "all" ? "" : this.#tag(entry.value), entry.value);
    }
    if (left === 0) this.#found(subscription, `a gap to ${show(position)} in which it wants nothing`, line);
  }

  #finish(line: number): void {
    if (!this.#isCalm) return;
    for (const [sub, open] of this.#open) {
      const subscription = this.#subscriptions.all.get(sub)!;
      if (subscription.ended || this.#gone.has(subscription.client)) continue;
      for (const value of open.values()) {
        this.#found(subscription, `${value} was left out, and nothing newer in its place came`, line);
      }
    }
  }

  #tag(value: string): string {
    return this.#surroundings.truth.publications.get(value)?.tag ?? "";
  }

  #found({ sub, channel }: Subscription, what: string, line: number): void {
    this.#surroundings.found("policy", `${sub} on ${channel}: ${what}`, line);
  }
}
