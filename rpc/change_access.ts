/**
 * Who may change a message: what the program's rules are told of it, and what they say.
 *
 * @module
 */
import { authorOf, subjectOf } from "./authors.ts";
import type { ChangeKind, Page } from "./broker.ts";
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
 * Why a change may not be made, as far as rules say. Of a message that is not there nothing is asked: the broker refuses it, unless it is a change that is sent
 * again, which landed when it was.
 */
export function refusalOfChange(
  channels: NodeChannels,
  { kind, target, epoch }: WantedChange,
  wanting: Wanting,
): MaybePromise<CallError | undefined> {
  const { channel, asker } = wanting;
  const { allow: { subscribe }, changes, reactions } = channel.value;
  const rule = kind === "react" ? reactions!.allow : changes!.allow[kind];
  const ask = (page: Page) => {
    const message = targetOf(page, { target, epoch }, asker);
    if (message === undefined) return undefined;
    const context = { ...asker.context, message };
    return chain(
      refusalOf(rule, { ...wanting, asker: { ...asker, context } }),
      (no) =>
        no?.code === "NOT_FOUND" ? new CallError("FORBIDDEN", `The message may not be changed: ${kind}`) : no,
    );
  };
  return chain(refusalOf(subscribe, wanting), (refusal) => {
    if (refusal !== undefined || rule === undefined) return refusal;
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
