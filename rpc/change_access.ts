/**
 * Who may change a message: what the program's rules are told of it, and what they say.
 *
 * @module
 */
import { authorOf, subjectOf } from "./authors.ts";
import type { ChangeKind, Page } from "./broker.ts";
import { noMessage } from "./broker_refusal.ts";
import { type Asker, type NamedChannel, refusalOf } from "./channel_rules.ts";
import { CallError } from "./errors.ts";
import { chain } from "./filtered_page.ts";
import type { TargetMessage } from "./interactions.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { NodeChannels } from "./node_channels.ts";

/** What a client wants to change. */
export interface WantedChange {
  /** What is to be done. */
  readonly kind: ChangeKind;
  /** The offset of the message. */
  readonly target: number;
  /** The life of the stream that it is of. */
  readonly epoch: string | undefined;
}

/** Who wants it, and where. */
export interface Wanting {
  readonly channel: NamedChannel;
  readonly asker: Asker;
  readonly report: (error: unknown) => void;
}

/**
 * A change as it may be made, or why it may not, as far as rules say. It is of the life of the stream in which it was asked about: what lands later must not be of another
 * message than that. Of a message that is not kept any more nothing is asked: the broker refuses it, unless it is a change that is sent again, which landed when it was. One that is
 * not there yet is refused here, since it may be there when the change is made.
 */
export function allowedChange(
  channels: NodeChannels,
  wanted: WantedChange,
  wanting: Wanting,
): MaybePromise<WantedChange | CallError> {
  const { kind, target, epoch } = wanted;
  const { channel, asker } = wanting;
  const { allow: { subscribe }, changes, reactions } = channel.value;
  const rule = kind === "react" ? reactions!.allow : changes!.allow[kind];
  const ask = (page: Page) => {
    const message = targetOf(page, { target, epoch }, asker);
    const allowed = { ...wanted, epoch: epoch ?? page.epoch };
    if (message === undefined) return target > page.top.offset ? noMessage() : allowed;
    const context = { ...asker.context, message };
    return chain(refusalOf(rule, { ...wanting, asker: { ...asker, context } }), (no) => {
      if (no?.code !== "NOT_FOUND") return no ?? allowed;
      return new CallError("FORBIDDEN", `The message may not be changed: ${kind}`);
    });
  };
  return chain(refusalOf(subscribe, wanting), (refusal): MaybePromise<WantedChange | CallError> => {
    if (refusal !== undefined || rule === undefined) return refusal ?? wanted;
    return chain(channels.read(channel, { after: target - 1, messages: 1, bytes: 1 }), ask);
  });
}

function targetOf(
  page: Page,
  { target, epoch }: { readonly target: number; readonly epoch: string | undefined },
  { connection }: Asker,
): TargetMessage | undefined {
  const [entry] = page.entries;
  const isThere = entry?.offset === target && entry.change === undefined && entry.by !== undefined &&
    (epoch === undefined || epoch === page.epoch);
  if (!isThere) return undefined;
  const { by, at } = entry;
  return { offset: target, by: subjectOf(by), isOwn: by === authorOf(connection), at };
}
