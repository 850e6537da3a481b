/**
 * The wildcards of one client, and what they get: each channel of one is a subscription to the checker.
 */
import type { Client } from "../../client/client.ts";
import type { MatchedChannel, WildcardEvent, WildcardSubscription } from "../../client/wildcard_types.ts";
import type { Machine } from "../../testing/machine.ts";
import type { Random } from "../../testing/random.ts";
import type { Recorder } from "../../testing/recorder.ts";
import { type Message, pause, type ScenarioApp } from "./app.ts";
import { isForNow, selectionOf, type SelectionPlan } from "./subscriber.ts";

/** How a program subscribes to all channels of a pattern. */
export interface WildcardPlan extends SelectionPlan {
  /** Which: `nook/*`. */
  readonly match: string;
  /** Milliseconds that the handler takes at most. */
  readonly slow: number;
  /** Whether it iterates instead of giving a handler. */
  readonly iterates: boolean;
}

/** What it needs. */
export interface WildcardParts {
  /** The name of the client. */
  readonly name: string;
  /** The client. */
  readonly client: Client<ScenarioApp>;
  /** What it runs on. */
  readonly machine: Machine;
  /** How slow handlers are. */
  readonly random: Random;
  /** Writes the log. */
  readonly recorder: Pick<Recorder, "add">;
}

type Pattern = "room/:id" | "hall/:id" | "nook/:id";
type Event = WildcardEvent<Message, { readonly id: string }>;

/** A channel of a wildcard, for as long as it is matched: the same object in each event. */
interface Matched {
  readonly channel: MatchedChannel<{ readonly id: string }>;
  readonly sub: string;
}

interface Held {
  readonly wild: string;
  readonly plan: WildcardPlan;
  readonly subscription: WildcardSubscription<Message, { readonly id: string }>;
  readonly matched: Map<string, Matched>;
}

/** The wildcards of one client. */
export class ScenarioWildcards {
  readonly #parts: WildcardParts;
  readonly #held: Held[] = [];
  #names = 0;
  #isCalm = false;

  /** Has none. */
  constructor(parts: WildcardParts) {
    this.#parts = parts;
  }

  /** How they were made, for who comes after a crash. */
  get plans(): readonly WildcardPlan[] {
    return this.#held.map(({ plan }) => plan);
  }

  /** Handlers are quick from now on. */
  calm(): void {
    this.#isCalm = true;
  }

  /** Subscribes. */
  begin(plan: WildcardPlan): void {
    const { name: client, recorder } = this.#parts;
    const wild = `${client}*${++this.#names}`;
    recorder.add({ is: "wildcard", client, wild, match: plan.match, filter: plan.tags });
    const made: { held?: Held } = {};
    const onError = (error: unknown): void => {
      const isClosed = made.held !== undefined && !this.#held.includes(made.held);
      if (!isClosed && !isForNow(error)) recorder.add({ is: "escaped", error: `${wild}: ${error}` });
    };
    const run = (event: Event): Promise<void> => this.#take(made.held!, event);
    const pattern = plan.match.replace("*", ":id") as Pattern;
    const handle = this.#parts.client.channels(pattern);
    const { filter, policy } = selectionOf(plan);
    const options = { filter, policy, onError };
    const subscription = plan.iterates ? handle.subscribe(options) : handle.subscribe(options, run);
    const held = made.held = { wild, plan, subscription, matched: new Map() };
    this.#held.push(held);
    subscription.ready().then(() => recorder.add({ is: "wildcard live", wild }), onError);
    if (plan.iterates) this.#iterate(held, run).catch(onError);
  }

  /** Closes the oldest. */
  end(): void {
    const held = this.#held.shift();
    if (held === undefined) return;
    const { recorder } = this.#parts;
    for (const { sub } of held.matched.values()) recorder.add({ is: "unsubscribed", sub });
    recorder.add({ is: "wildcard closed", wild: held.wild });
    held.subscription.close();
  }

  /** Tells the log which channels are not matched any more: nobody tells the program. */
  settle(): void {
    for (const { subscription, matched } of this.#held) {
      const now = new Set(subscription.channels);
      for (const [name, { channel, sub }] of matched) {
        if (now.has(channel)) continue;
        matched.delete(name);
        this.#parts.recorder.add({ is: "unsubscribed", sub });
      }
    }
  }

  async #iterate({ subscription }: Held, run: (event: Event) => Promise<void>): Promise<void> {
    for await (const event of subscription) await run(event);
  }

  async #take(held: Held, event: Event): Promise<void> {
    const { machine, random, recorder } = this.#parts;
    const sub = this.#subOf(held, event.channel);
    const { position } = event;
    if (event.type === "message") recorder.add({ is: "message", sub, position, value: event.data.value });
    else if (event.type === "reset") recorder.add({ is: "reset", sub, position, reason: event.reason });
    else recorder.add({ is: "gap", sub, from: event.from, to: event.to, position, reason: event.reason });
    const { slow } = held.plan;
    if (slow > 0 && !this.#isCalm) await pause(machine, random.next() * slow);
  }

  #subOf({ wild, plan, matched }: Held, channel: Matched["channel"]): string {
    const { name: client, recorder } = this.#parts;
    const known = matched.get(channel.name);
    if (known?.channel === channel) return known.sub;
    if (known !== undefined) recorder.add({ is: "unsubscribed", sub: known.sub });
    const sub = `${wild}/${channel.name}/${++this.#names}`;
    matched.set(channel.name, { channel, sub });
    const { told: policy } = selectionOf(plan);
    recorder.add({ is: "subscribe", client, channel: channel.name, sub, wild, filter: plan.tags, policy });
    return sub;
  }
}
