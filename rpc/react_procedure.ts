/**
 * `@react`: reactions of clients.
 *
 * @module
 */
import { authorOf } from "./authors.ts";
import { allowedChange, type Wanting } from "./change_access.ts";
import { chain } from "./filtered_page.ts";
import { noChannel } from "./channel_rules.ts";
import { badInput } from "./history_procedure.ts";
import { CallError } from "./errors.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { NodeChannels } from "./node_channels.ts";
import { isMap } from "./options.ts";
import { originOf } from "./origin.ts";
import { checkedReaction } from "./reactions.ts";
import { isEpoch } from "./message_target.ts";
import { isUint } from "./uint.ts";

/** What it is given, as far as it needs no channel. */
export interface AskedReaction {
  readonly channel: string;
  readonly n: number;
  readonly target: number;
  readonly epoch: string | undefined;
  readonly kind: unknown;
  readonly value: unknown;
  readonly undo: boolean;
}

/**
 * Reads the input.
 *
 * @throws {CallError} `BAD_INPUT`.
 */
export function readReaction(input: unknown): AskedReaction {
  if (!isMap(input)) throw badInput("a map");
  const { channel, n = 0, target, epoch = null, kind, value, undo } = input;
  if (typeof channel !== "string") throw badInput("a channel that is a string");
  if (!isUint(n)) throw badInput("n that is an unsigned integer");
  if (!isUint(target) || target === 0) throw badInput("a target that is an offset");
  if (epoch !== null && !isEpoch(epoch)) throw badInput("an epoch that is a string, not empty");
  return { channel, n, target, epoch: epoch ?? undefined, kind, value, undo: undo === true };
}

/** Counts it, if the client may, and still wants it then. */
export function react(
  channels: NodeChannels,
  { n, target, epoch, ...said }: AskedReaction,
  { signal, ...wanting }: Wanting & { readonly signal: AbortSignal },
): MaybePromise<unknown[]> {
  const { channel, asker: { connection } } = wanting;
  if (channel.value.reactions === undefined) throw noChannel();
  return chain(allowedChange(channels, { kind: "react", target, epoch }, wanting), (allowed) => {
    if (allowed instanceof CallError) throw allowed;
    if (signal.aborted) throw signal.reason;
    const id = originOf(connection)?.producer;
    const producer = id === undefined || n === 0 ? undefined : { id, n };
    const reaction = { ...checkedReaction(channel, said), author: authorOf(connection), producer };
    return chain(
      channels.reactions.add({ channel, target, epoch: allowed.epoch }, reaction),
      ({ epoch, offset, fingerprint, durability }) => [epoch, offset, fingerprint, durability],
    );
  });
}
