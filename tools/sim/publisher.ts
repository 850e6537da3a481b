/**
 * Publishes for a client or for the server, and writes down what comes of it.
 */
import type { PublishCallOptions } from "../../client/channel_types.ts";
import type { Clock } from "../../rpc/clock.ts";
import type { Position } from "../../rpc/broker.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Publishing } from "../../testing/log.ts";
import type { Recorder } from "../../testing/recorder.ts";
import type { Message } from "./app.ts";

/** A publication to make. */
export interface PublicationPlan {
  /** Bytes. */
  readonly size: number;
  /** Its deadline, if it has one. */
  readonly timeout?: number | undefined;
  /** When it is given up, in ms after it was made. */
  readonly cancelAfter?: number | undefined;
  /** Whether it has a key; `twice`: two have it at once. */
  readonly key?: "alone" | "twice" | undefined;
}

/** What filters look at: each publication has one of them. */
export const TAGS = ["a", "b", "c"] as const;

/** How a message is published. */
export type Publish = (
  channel: string,
  message: Message,
  options: PublishCallOptions,
) => Promise<Position>;

/** One producer. */
export class ScenarioPublisher {
  readonly #name: string;
  readonly #recorder: Pick<Recorder, "add">;
  readonly #publish: Publish;
  readonly #clock: Clock;
  #keys = 0;
  readonly #numbers = new Map<string, number>();

  /** Has published nothing. */
  constructor(name: string, { recorder, publish, clock }: {
    readonly recorder: Pick<Recorder, "add">;
    readonly publish: Publish;
    readonly clock: Clock;
  }) {
    this.#name = name;
    this.#recorder = recorder;
    this.#publish = publish;
    this.#clock = clock;
  }

  /** Publishes. */
  publish(channel: string, plan: PublicationPlan): void {
    // What has a key keeps no order with others: it has a producer of its own.
    const key = plan.key === undefined ? undefined : `${this.#name}~${++this.#keys}`;
    const number = key !== undefined ? 1 : (this.#numbers.get(channel) ?? 0) + 1;
    if (key === undefined) this.#numbers.set(channel, number);
    const publishing = { channel, producer: key ?? this.#name, number };
    const value = `${publishing.producer}-${channel}-${number}`;
    const message = { value, tag: TAGS[number % TAGS.length]!, fill: new Uint8Array(plan.size) };
    this.#recorder.add({ is: "publish", ...publishing, value, tag: message.tag });
    this.#send(publishing, message, { plan, key, isFirst: true });
    if (plan.key === "twice") this.#send(publishing, message, { plan, key, isFirst: false });
  }

  #send(publishing: Publishing, message: Message, { plan, key, isFirst }: {
    readonly plan: PublicationPlan;
    readonly key: string | undefined;
    readonly isFirst: boolean;
  }): void {
    const { timeout, cancelAfter } = plan;
    const options = { key, timeout, signal: this.#cancelling(cancelAfter) };
    this.#publish(publishing.channel, message, options).then(
      ({ epoch, offset, fingerprint }) =>
        this.#recorder.add({ is: "published", ...publishing, position: { epoch, offset, fingerprint } }),
      (error) => {
        if (!isFirst) return; // what became of it the other one tells
        const { code, ambiguous } = error instanceof CallError
          ? error
          : { code: String(error), ambiguous: false };
        // The same under its key may be on its way.
        const isOpen = ambiguous || plan.key === "twice";
        this.#recorder.add({ is: isOpen ? "publish unknown" : "publish refused", ...publishing, code });
      },
    );
  }

  #cancelling(ms: number | undefined): AbortSignal | undefined {
    if (ms === undefined) return undefined;
    const cancel = new AbortController();
    this.#clock.setTimeout(() => cancel.abort(), ms);
    return cancel.signal;
  }
}

/** The pattern and the parameters of a channel: `room/1`. */
export function patternOf(channel: string): ["room/:id" | "hall/:id" | "nook/:id", { id: string }] {
  const [kind, id] = channel.split("/") as ["room" | "hall" | "nook", string];
  return [`${kind}/:id`, { id }];
}
