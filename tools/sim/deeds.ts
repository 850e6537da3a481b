/**
 * What clients and the server do in a scenario.
 */
import type { Random } from "../../testing/random.ts";
import type { CallPlan, CallShape } from "./caller.ts";
import type { DocumentPlan, ReactionKind, ReactionPlan } from "./documents.ts";
import type { PublicationPlan } from "./publisher.ts";
import type { ServerDocumentPlan } from "./server_documents.ts";
import type { PolicyPlan, SubscriptionPlan } from "./subscriber.ts";
import type { Traits } from "./traits.ts";
import type { WildcardPlan } from "./wildcards.ts";

/** The channels there are. */
export const CHANNELS = ["room/1", "hall/1", "hall/2"] as const;

/** Channels that appear while a run goes on, where there are wildcards. */
export const NOOKS = ["nook/1", "nook/2", "nook/3", "nook/4", "nook/5"] as const;

/** A channel of which all want the same part, as differences. */
export const SCORES = "hall/scores";

/** Something that a client does. */
export type Deed =
  | { readonly do: "call" } & CallPlan
  | { readonly do: "publish"; readonly channel: string } & PublicationPlan
  | { readonly do: "subscribe"; readonly channel: string } & SubscriptionPlan
  | { readonly do: "leave"; readonly channel: string }
  | { readonly do: "wildcard" } & WildcardPlan
  /** Closes its oldest wildcard. */
  | { readonly do: "end wildcard" }
  | { readonly do: "document" } & DocumentPlan
  /** Reads what has become of all messages that may change. */
  | { readonly do: "documents" }
  /** Begins to listen to signals, or stops. */
  | { readonly do: "listen"; readonly channel: string }
  | { readonly do: "signal"; readonly channel: string }
  | {
    readonly do: "history";
    readonly channel: string;
    readonly upwards: boolean;
    readonly limit: number;
    /** The offset above or below which it reads; without it at the end. */
    readonly from?: number | undefined;
    /** The tags that it wants, where it does not want everything. */
    readonly tags?: readonly string[] | undefined;
  };

/** Something that the server does. */
export type Act =
  | {
    readonly do: "server publish";
    readonly channel: string;
    readonly size: number;
    /** How often, at once. */
    readonly times?: number;
  }
  | { readonly do: "server document" } & ServerDocumentPlan
  /** Server code reads what has become of all messages that may change. */
  | { readonly do: "server documents" }
  /** Shuts the client out of a channel, for so long. */
  | { readonly do: "revoke"; readonly channel: string; readonly ms: number };

/** Something that is done. */
export function deed(random: Random, channel: string, { isLarge }: Traits): Deed | Act {
  const size = random.pick(isLarge ? [10, 2_000, 60_000, 200_000] : [0, 10, 100, 2_000]);
  const what = random.weighted({
    call: 25,
    publish: 50,
    subscribe: 4,
    leave: 3,
    listen: 2,
    signal: 4,
    history: 5,
    "server publish": 10,
    revoke: 0.7,
  });
  switch (what) {
    case "call":
      return call(random, isLarge);
    case "publish":
      return { do: what, channel, ...publication(random, size) };
    case "server publish":
      return { do: what, channel, size };
    case "subscribe":
      return subscription(random, channel);
    case "leave":
    case "listen":
    case "signal":
      return { do: what, channel };
    case "history":
      return {
        do: "history",
        channel,
        upwards: random.chance(0.5),
        limit: 1 + random.below(30),
        ...(random.chance(0.5) ? { from: 1 + random.below(30) } : {}),
        ...someTags(random),
      };
    case "revoke":
      return { do: "revoke", channel, ms: random.pick([500, 3_000, 20_000]) };
  }
}

/** A program subscribes. */
export function subscription(random: Random, channel: string): Deed {
  return {
    do: "subscribe",
    channel,
    slow: random.pick([0, 0, 0, 5, 100, 2_000]),
    iterates: random.chance(0.3),
    delta: random.chance(0.5),
    ...(random.chance(0.2) ? { rewind: random.below(20) } : {}),
    ...(random.chance(0.1) ? { rewindMs: random.pick([0, 100, 3_000, 60_000]) } : {}),
    ...someTags(random),
    ...(random.chance(0.3) ? { policy: random.pick(POLICIES) } : {}),
  };
}

/** What all clients of a seed ask of {@linkcode SCORES}: so it is what their connections are asked for. */
export function scores(random: Random): Deed {
  const part = random.pick([{ tags: ["a", "b"] }, { policy: random.pick(POLICIES) }, {
    tags: ["b", "c"],
    policy: random.pick(POLICIES),
  }]);
  const rewind = random.chance(0.3) ? { rewind: random.below(20) } : {};
  return { do: "subscribe", channel: SCORES, slow: 0, iterates: false, delta: true, ...part, ...rewind };
}

/** Something with a message that may change. */
export function documentDeed(random: Random): Deed {
  const what = random.weighted({ publish: 8, append: 12, edit: 5, delete: 2, react: 10, read: 4 });
  if (what === "read") return { do: "documents" };
  const some = { do: "document", what, which: random.next() } as const;
  if (what === "react") {
    const reaction = reactionPlan(random);
    return {
      ...some,
      ofAnybody: random.chance(0.8),
      times: random.chance(0.5) ? 1 : 1 + random.below(6),
      reaction,
    };
  }
  const ofAnybody = what !== "publish" && random.chance(0.1);
  return { ...some, ofAnybody, times: what === "append" ? 1 + random.below(6) : 1 };
}

/** Something that server code does with a message that may change: half of the time with one of anybody's. */
export function serverDocumentDeed(random: Random): Act {
  const what = random.weighted({ publish: 8, append: 14, edit: 6, delete: 2, react: 4, read: 3 });
  if (what === "read") return { do: "server documents" };
  const ofAnybody = what !== "publish" && random.chance(0.5);
  const isBare = what !== "publish" && random.chance(0.2);
  const some = { do: "server document", what, which: random.next(), ofAnybody, isBare } as const;
  if (what === "react") return { ...some, times: 1 + random.below(3), reaction: reactionPlan(random) };
  return {
    ...some,
    times: what === "append" ? 1 + random.below(6) : 1 + random.below(2),
    by: random.chance(0.4) ? random.pick(["c0", "c1", "nobody of them"]) : undefined,
    key: random.chance(0.2) ? random.pick(["alone", "twice"] as const) : undefined,
  };
}

/** One of few values: the same is said twice, and a vote is changed. */
function reactionPlan(random: Random): ReactionPlan {
  const kind: ReactionKind = random.pick(["like", "mood", "vote", "emoji"]);
  const undo = random.chance(0.25);
  const hasValue = kind !== "like" && (kind !== "vote" || !undo);
  return { kind, value: hasValue ? random.pick(["a", "b"]) : "", undo };
}

/** What slow subscriptions let the server leave out. */
export const POLICIES: readonly PolicyPlan[] = [
  "latest",
  "latest of each tag",
  "four times a second",
  "each tag every two seconds",
  "drop oldest",
];

/** A filter: two of three, or one; in a few cases what nothing has. */
function someTags(random: Random): { readonly tags?: readonly string[] } {
  if (!random.chance(0.25)) return {};
  return { tags: random.pick([["a"], ["b"], ["a", "b"], ["b", "c"], ["none"]]) };
}

/** A program subscribes to all channels of a pattern. */
export function wildcard(random: Random): Deed {
  return {
    do: "wildcard",
    match: random.pick(["nook/*", "nook/*", "hall/*", "room/*"]),
    slow: random.pick([0, 0, 5, 100, 2_000]),
    iterates: random.chance(0.3),
    ...someTags(random),
    ...(random.chance(0.3) ? { policy: random.pick(POLICIES) } : {}),
  };
}

/** Whether clients give publications up: by a deadline, or by hand. */
const GIVES_UP = true;

function publication(random: Random, size: number): PublicationPlan {
  const key = random.chance(0.06) ? random.pick(["alone", "twice"] as const) : undefined;
  const gives = GIVES_UP && random.chance(0.1) ? random.pick(["timeout", "cancel"] as const) : undefined;
  return {
    size,
    ...(key === undefined ? {} : { key }),
    ...(key === undefined && random.chance(0.25) ? { conflated: 1 + random.below(6) } : {}),
    ...(gives === "timeout" ? { timeout: random.pick([1, 50, 1_000, 20_000]) } : {}),
    ...(gives === "cancel" ? { cancelAfter: random.pick([0, 5, 100, 2_000]) } : {}),
  };
}

function call(random: Random, isLarge: boolean): Deed {
  const shape: CallShape = random.weighted({
    quick: 9,
    slow: 8,
    again: 5,
    down: 2,
    up: 2,
    talk: 1,
    pour: 1,
    swallow: 1,
    ask: 2,
  });
  const isStream = !["quick", "slow", "again", "ask"].includes(shape);
  // What is cut short may run again under its key: those are not.
  const key = ["quick", "slow"].includes(shape) && random.chance(0.4)
    ? random.pick(["alone", "alone", "twice"] as const)
    : undefined;
  return {
    do: "call",
    shape,
    ms: random.pick(shape === "again" ? [300, 3_000] : [0, 1, 20, 300, 3_000]),
    count: isStream ? random.below(isLarge ? 5 : 20) : 0,
    size: sizeOf(random, isStream, isLarge),
    gap: random.pick([0, 0, 5, 100]),
    fails: random.chance(0.1),
    ...(key === undefined ? {} : { key }),
    ...(key === undefined && random.chance(0.15) ? { timeout: random.pick([1, 50, 1_000, 20_000]) } : {}),
    ...(key === undefined && random.chance(0.1) ? { cancelAfter: random.pick([0, 5, 100, 2_000]) } : {}),
  };
}

/** Bytes of an item, or of what is given and answered. */
function sizeOf(random: Random, isStream: boolean, isLarge: boolean): number {
  if (isLarge) return random.pick(isStream ? [1, 300, 60_000, 200_000] : [0, 0, 60_000, 200_000]);
  return isStream ? random.pick([1, 10, 300, 5_000]) : 0;
}
