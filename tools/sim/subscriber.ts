/**
 * The subscriptions of one client, with handlers that take their time, and what they get.
 */
import type { Client } from "../../client/client.ts";
import type { ChannelEvent, Subscription } from "../../client/channel_types.ts";
import type { Position } from "../../rpc/broker.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Machine } from "../../testing/machine.ts";
import type { Random } from "../../testing/random.ts";
import type { Recorder } from "../../testing/recorder.ts";
import { type Message, pause, type ScenarioApp, type Signal } from "./app.ts";
import { patternOf } from "./publisher.ts";

/** How a program subscribes. */
export interface SubscriptionPlan {
  /** Milliseconds that the handler takes at most. */
  readonly slow: number;
  /** Whether it iterates instead of giving a handler. */
  readonly iterates: boolean;
  /** Whether messages may come as differences. */
  readonly delta?: boolean | undefined;
  /** Publications of the past, where it has no position. */
  readonly rewind?: number | undefined;
  /** Milliseconds of the past, where it has no position. */
  readonly rewindMs?: number | undefined;
  /** The tags that it wants, where it does not want everything. */
  readonly tags?: readonly string[] | undefined;
  /** What may be left out when it is slow. */
  readonly policy?: PolicyPlan | undefined;
}

/** A policy by a name. */
export type PolicyPlan = keyof typeof POLICIES;

/** The policies of a simulation, and how the log tells of them. */
const POLICIES = {
  latest: { policy: { latest: true }, told: { reason: "conflated", newest: "all" } },
  "latest of each tag": { policy: { latest: ["tag"] }, told: { reason: "conflated", newest: "tag" } },
  "four times a second": { policy: { sample: 4 }, told: { reason: "sampled", newest: "all" } },
  "each tag every two seconds": {
    policy: { sample: 0.5, by: ["tag"] },
    told: { reason: "sampled", newest: "tag" },
  },
  "drop oldest": { policy: "drop oldest", told: { reason: "dropped", newest: "all" } },
} as const;

/** What a program gets only a part of, and may miss when it is slow. */
export type SelectionPlan = Pick<SubscriptionPlan, "tags" | "policy">;

/** The options for it, and how the log tells of the policy. */
export function selectionOf({ tags, policy }: SelectionPlan) {
  return {
    filter: tags && { tag: { in: tags } },
    ...policy === undefined ? { policy: undefined, told: undefined } : POLICIES[policy],
  };
}

/** What a subscriber needs. */
export interface SubscriberParts {
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

interface Held {
  readonly name: string;
  readonly channel: string;
  readonly plan: SubscriptionPlan;
  readonly subscription: Subscription<Message>;
  closed: boolean;
}

/** The subscriptions of one client. */
export class ScenarioSubscriber {
  readonly #parts: SubscriberParts;
  readonly #held: Held[] = [];
  readonly #listening = new Map<string, () => void>();
  #signals = 0;
  #names = 0;
  #isCalm = false;

  /** Has none. */
  constructor(parts: SubscriberParts) {
    this.#parts = parts;
  }

  /** Channels with the position that the program has kept, and how it subscribed. */
  get kept(): readonly (readonly [
    channel: string,
    plan: SubscriptionPlan,
    position: Position | undefined,
  ])[] {
    return this.#held.filter(({ closed }) => !closed).map(({ channel, plan, subscription }) =>
      [channel, plan, subscription.position] as const
    );
  }

  /** How many there are of a channel. */
  count(channel: string): number {
    return this.#held.filter((one) => one.channel === channel && !one.closed).length;
  }

  /** Handlers are quick from now on. */
  calm(): void {
    this.#isCalm = true;
  }

  /** Subscribes. */
  subscribe(channel: string, plan: SubscriptionPlan, from?: Position): void {
    const { name: client, recorder } = this.#parts;
    const name = `${client}/${++this.#names}`;
    const { tags } = plan;
    const { filter, policy, told } = selectionOf(plan);
    recorder.add({ is: "subscribe", client, channel, sub: name, from, filter: tags, policy: told });
    const made: { held?: Held } = {};
    const onError = (error: unknown): void => this.#ended(made.held, name, error);
    const past = from === undefined ? { rewind: plan.rewind, rewindMs: plan.rewindMs } : {};
    const options = { position: from, ...past, delta: plan.delta, filter, policy, onError };
    const handle = this.#parts.client.channel(...patternOf(channel));
    const run = (event: ChannelEvent<Message>): Promise<void> => this.#take(made.held!, event);
    // A handler is given nothing before there is a connection, and so not within this call.
    const subscription = plan.iterates ? handle.subscribe(options) : handle.subscribe(options, run);
    const held: Held = made.held = { name, channel, plan, subscription, closed: false };
    this.#held.push(held);
    this.#awaitReady(held);
    if (plan.iterates) this.#iterate(held, run).catch(onError);
  }

  /** Listens to signals of a channel, or stops. */
  listen(channel: string): void {
    const { name: client, recorder } = this.#parts;
    const stop = this.#listening.get(channel);
    if (stop !== undefined) {
      this.#listening.delete(channel);
      return stop();
    }
    recorder.add({ is: "listens", client, channel });
    const run = ({ value }: Signal): void => recorder.add({ is: "signalled", client, channel, value });
    this.#listening.set(channel, this.#parts.client.channel(...patternOf(channel)).onSignal(run));
  }

  /** Signals on a channel. */
  signal(channel: string): void {
    const { name: client, recorder } = this.#parts;
    const value = `${client}!${++this.#signals}`;
    recorder.add({ is: "signal", client, channel, value });
    this.#parts.client.channel(...patternOf(channel)).signal({ value });
  }

  /** Closes the oldest one of a channel. */
  leave(channel: string): void {
    const held = this.#held.find((one) => one.channel === channel && !one.closed);
    if (held === undefined) return;
    held.closed = true;
    this.#parts.recorder.add({ is: "unsubscribed", sub: held.name });
    held.subscription.close();
  }

  #awaitReady(held: Held): void {
    held.subscription.ready().then(
      () => this.#ready(held),
      (error) => isForNow(error) && this.#awaitReady(held),
    );
  }

  #ready({ name, subscription, closed }: Held): void {
    const { position } = subscription;
    if (position !== undefined && !closed) {
      this.#parts.recorder.add({ is: "subscribed", sub: name, position });
    }
  }

  async #iterate(
    { subscription }: Held,
    run: (event: ChannelEvent<Message>) => Promise<void>,
  ): Promise<void> {
    for await (const event of subscription) await run(event);
  }

  async #take({ name: sub, plan, subscription }: Held, event: ChannelEvent<Message>): Promise<void> {
    const { machine, random, recorder } = this.#parts;
    const { position } = event;
    const { slow } = plan;
    if (event.type === "message") recorder.add({ is: "message", sub, position, value: event.data.value });
    else if (event.type === "reset") recorder.add({ is: "reset", sub, position, reason: event.reason });
    else recorder.add({ is: "gap", sub, from: event.from, to: event.to, position, reason: event.reason });
    if (slow === 0 || this.#isCalm) return;
    await pause(machine, random.next() * slow);
    if (event.type === "message") recorder.add({ is: "looked", sub, position: subscription.position });
  }

  #ended(held: Held | undefined, sub: string, error: unknown): void {
    if (held?.closed || isForNow(error)) return;
    if (held !== undefined) held.closed = true;
    const code = error instanceof CallError ? error.code : String(error);
    this.#parts.recorder.add({ is: "unsubscribed", sub, code });
  }
}

/** Whether a subscription that was refused goes on. */
export function isForNow(error: unknown): boolean {
  return error instanceof CallError && error.retryable;
}
