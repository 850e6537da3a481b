/**
 * What a client publishes to its channels, with pieces of one message rolled up: they leave together where one before them has no answer.
 *
 * @module
 */
import { changeNumber } from "../rpc/change_kinds.ts";
import type { Published } from "../rpc/channel_types.ts";
import type { AskedChange } from "../rpc/message_target.ts";
import { Rollup } from "../rpc/rollup.ts";
import type { PublishCallOptions } from "./channel_types.ts";

/** What is said about one publication, which may be a change. */
export interface SendingOptions extends PublishCallOptions {
  /** Where it is one. */
  readonly change?: AskedChange | undefined;
}

/** A change among the options of `@message`. */
export function changeOnWire(change: AskedChange | undefined): object | undefined {
  return change && { change: changeNumber(change.kind), target: change.target, epoch: change.epoch };
}

/** Sends one. */
export type Sending = (name: string, data: Uint8Array, options: SendingOptions) => Promise<Published>;

/** Pieces that wait, by channel. */
export class RolledUp {
  readonly #send: Sending;
  readonly #rollups = new Map<string, Rollup<Published>>();

  /** Sends by `send`. */
  constructor(send: Sending) {
    this.#send = send;
  }

  /** Publishes or changes, in the order of the calls. */
  send(name: string, data: Uint8Array, options: SendingOptions): Promise<Published> {
    const { change, signal, timeout, key } = options;
    const isPlain = signal === undefined && timeout === undefined && key === undefined;
    if (change?.kind === "append" && isPlain) return this.#rollUp(name, data, change);
    this.#rollups.get(name)?.flush();
    return this.#send(name, data, options);
  }

  #rollUp(name: string, data: Uint8Array, change: AskedChange): Promise<Published> {
    let rollup = this.#rollups.get(name);
    if (rollup === undefined) this.#rollups.set(name, rollup = new Rollup());
    const key = `${change.target} ${change.epoch ?? ""}`;
    const sent = rollup.add(key, data, (data) => this.#send(name, data, { change }));
    const ended = () => {
      if (rollup.isIdle && this.#rollups.get(name) === rollup) this.#rollups.delete(name);
    };
    sent.then(ended, ended);
    return sent;
  }
}
