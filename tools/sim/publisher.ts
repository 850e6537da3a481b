/**
 * Publishes for a client or for the server, and writes down what comes of it.
 */
import type { Position } from "../../rpc/broker.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Recorder } from "../../testing/recorder.ts";
import type { Message } from "./app.ts";

/** How a message is published. */
export type Publish = (channel: string, message: Message) => Promise<Position>;

/** One producer. */
export class ScenarioPublisher {
  readonly #name: string;
  readonly #recorder: Pick<Recorder, "add">;
  readonly #publish: Publish;
  readonly #numbers = new Map<string, number>();

  /** Has published nothing. */
  constructor(name: string, recorder: Pick<Recorder, "add">, publish: Publish) {
    this.#name = name;
    this.#recorder = recorder;
    this.#publish = publish;
  }

  /** Publishes so many bytes. */
  publish(channel: string, size: number): void {
    const number = (this.#numbers.get(channel) ?? 0) + 1;
    this.#numbers.set(channel, number);
    const publishing = { channel, producer: this.#name, number };
    const value = `${this.#name}-${channel}-${number}`;
    this.#recorder.add({ is: "publish", ...publishing, value });
    this.#publish(channel, { value, fill: new Uint8Array(size) }).then(
      ({ epoch, offset, fingerprint }) =>
        this.#recorder.add({ is: "published", ...publishing, position: { epoch, offset, fingerprint } }),
      (error) => {
        const { code, ambiguous } = error instanceof CallError
          ? error
          : { code: String(error), ambiguous: false };
        this.#recorder.add({ is: ambiguous ? "publish unknown" : "publish refused", ...publishing, code });
      },
    );
  }
}

/** The pattern and the parameters of a channel: `room/1`. */
export function patternOf(channel: string): ["room/:id" | "hall/:id", { id: string }] {
  const [kind, id] = channel.split("/") as ["room" | "hall", string];
  return [`${kind}/:id`, { id }];
}
