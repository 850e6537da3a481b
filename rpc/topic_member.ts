/**
 * What a topic asks of those who want it.
 *
 * @module
 */
import type { Position } from "./broker.ts";
import type { FeedDeltas } from "./feed_deltas.ts";
import type { KeptPage } from "./kept_page.ts";
import type { Marks } from "./marks.ts";
import type { SharedFrame, SignalRun } from "./shared_frames.ts";

/** Somebody here who wants a channel. None of its methods throws. */
export interface TopicMember {
  /** Who it is among the senders of signals. */
  readonly id: string;
  /** The stream is known: the last position of the topic holds. Called once, perhaps at once. */
  ready(): void;
  /** Takes what follows; called while it is live. `false`: it has no room, and has not taken it. */
  deliver(frame: SharedFrame): boolean;
  /** Whether it may be sent no more before it acknowledges, or not the next so many publications and bytes. Asked while it is live, from time to time. */
  isBehind(next: number, bytes: number): boolean;
  /** It is live no more; the last it was given is the `sent` of its topic. */
  fallBehind(): void;
  /** The stream is another one from here on. */
  restarted(): void;
  /** What is known of the stream is old, and the broker does not say how old. */
  stale(): void;
  /** What is known of the stream was compared with the broker's: see `refresh` of the topic. */
  refreshed(): void;
  /** Takes signals, if it can. */
  signal(run: SignalRun): void;
}

/** Where in the stream. */
export type Place = Pick<Position, "offset" | "fingerprint">;

/** Where a subscription takes what is live from: the topic, or what it shares with those who want the same of it. */
export interface Feed {
  /** The latest that those who are live were told of. */
  readonly sent: Place;
  /** What is sent to those who take differences, made when the first of them comes. */
  readonly deltas: FeedDeltas;
  /** Counts the bytes that they were sent. */
  readonly marks: Marks;
  /** From now on somebody who has everything up to the last of the topic gets what follows with all others. */
  goLive(member: TopicMember): void;
  /** Somebody wants nothing more. */
  remove(member: TopicMember): void;
  /** Whether somebody who has everything up to the last of the topic has to wait, until it is `refreshed`, before it goes live. */
  waits?(member: TopicMember): boolean;
  /** What somebody who fell behind is given after an offset; `undefined` where that is everything. */
  kept?(member: TopicMember, offset: number): KeptPage | undefined;
}
