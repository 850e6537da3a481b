/**
 * What a client publishes to its channels, with pieces of one message rolled up: they leave together where one before them has no answer.
 *
 * @module
 */
import { changeNumber } from "../rpc/change_kinds.ts";
import type { Published } from "../rpc/channel_types.ts";
import type { ChangeKind } from "../rpc/broker.ts";
import type { MessageTarget } from "../rpc/interactions.ts";
import { type AskedChange, askedChange } from "../rpc/message_target.ts";
import { Rollup } from "../rpc/rollup.ts";
import type { PublishCallOptions } from "./channel_types.ts";

/** What a program says about one publication, which may be a change of any target. */
export interface PublishingOptions extends PublishCallOptions {
  /** Where it is one. */
  readonly change?: readonly [kind: ChangeKind, target: MessageTarget] | undefined;
}

/** The same, checked. */
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

  /** Publishes or changes, in the order of the calls. Rejects with a `TypeError` for a target that is none. */
  send(
    name: string,
    data: Uint8Array,
    { change: given, ...more }: PublishingOptions,
  ): Promise<Published> {
    let change: AskedChange | undefined;
    try {
      change = given && askedChange(...given);
    } catch (error) {
      return Promise.reject(error);
    }
    const { signal, timeout, key } = more;
    const isPlain = signal === undefined && timeout === undefined && key === undefined;
    if (change?.kind === "append" && isPlain) return this.#rollUp(name, data, change);
    this.#rollups.get(name)?.giveWay();
    return this.#send(name, data, { ...more, change });
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
