/**
 * Changes of messages by server code.
 *
 * @module
 */
import { authorNamed } from "./authors.ts";
import type { Changing, Producer } from "./broker.ts";
import type { NamedChannel } from "./channel_rules.ts";
import type { Published } from "./channel_types.ts";
import type { Changer } from "./interactions.ts";
import { isPromise } from "./iterating.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { encodeMessage } from "./message_data.ts";
import { type AskedChange, askedChange } from "./message_target.ts";
import type { PublishOptions } from "./publisher.ts";
import { Rollup } from "./rollup.ts";
import { validate } from "./schema.ts";

const NOTHING = new Uint8Array(0);

/** What is appended, beside its bytes. */
export interface AppendedBy {
  /** So that a retry lands once. */
  readonly producer?: Producer | undefined;
  /** Whose it is: kept where messages may change. */
  readonly by?: string | undefined;
  /** What it changes. */
  readonly change?: AskedChange & Pick<Changing, "reactions"> | undefined;
}

/** Changes of messages, in all channels of a node. */
export class ServerChanges {
  readonly #append: (channel: NamedChannel, data: Uint8Array, by: AppendedBy) => MaybePromise<Published>;
  /** Of channels to which pieces are on their way. */
  readonly #rollups = new Map<string, Rollup<Published>>();

  /** Appends by `append`. */
  constructor(append: (channel: NamedChannel, data: Uint8Array, by: AppendedBy) => MaybePromise<Published>) {
    this.#append = append;
  }

  /** What a program does with one channel. What it did before leaves first. */
  of(
    channel: NamedChannel,
    producerOf: (options: PublishOptions) => Producer | undefined,
  ): Changer<unknown, PublishOptions> {
    const run = async (
      change: AskedChange,
      value: unknown,
      options: PublishOptions = {},
    ): Promise<Published> => {
      if (channel.value.changes === undefined) {
        throw new TypeError(`Messages of "${channel.name}" do not change: it declares no changes`);
      }
      const producer = producerOf(options);
      const encoded = change.kind === "delete" ? NOTHING : this.#encode(channel, value);
      const data = isPromise(encoded) ? await encoded : encoded;
      const by = authorNamed(options.by);
      const send = async (data: Uint8Array) => await this.#append(channel, data, { producer, by, change });
      if (change.kind !== "append" || producer !== undefined) {
        this.flush(channel.name);
        return await send(data);
      }
      return await this.#rollUp(channel, `${change.target} ${change.epoch ?? ""} ${by}`, data, send);
    };
    return {
      edit: async (target, message, options) => await run(askedChange("edit", target), message, options),
      append: async (target, piece, options) => await run(askedChange("append", target), piece, options),
      delete: async (target, options) => await run(askedChange("delete", target), undefined, options),
    };
  }

  /** Something comes that must not pass the pieces that wait. */
  flush(channel: string): void {
    this.#rollups.get(channel)?.giveWay();
  }

  /** At once where the schema is synchronous: what is done one after the other lands so. */
  #encode({ value: { message: schema } }: NamedChannel, value: unknown): MaybePromise<Uint8Array> {
    const valid = validate(schema!, value);
    return isPromise(valid) ? Promise.resolve(valid).then(encodeMessage) : encodeMessage(valid);
  }

  #rollUp(
    { name }: NamedChannel,
    key: string,
    data: Uint8Array,
    send: (data: Uint8Array) => Promise<Published>,
  ): Promise<Published> {
    let rollup = this.#rollups.get(name);
    if (rollup === undefined) this.#rollups.set(name, rollup = new Rollup());
    const sent = rollup.add(key, data, send);
    const ended = () => {
      if (rollup.isIdle && this.#rollups.get(name) === rollup) this.#rollups.delete(name);
    };
    sent.then(ended, ended);
    return sent;
  }
}
