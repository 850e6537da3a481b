/**
 * What is known of the channels at each line of the log: what was published, what the broker has, and what it has lost.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import type { LogEvent } from "../log.ts";
import { getOr } from "./get_or.ts";

/** A publication by its value. */
export interface Publication {
  readonly value: string;
  readonly channel: string;
  readonly producer: string;
  readonly number: number;
  /** What filters look at. */
  readonly tag: string | undefined;
  /** Where it was published, in the log. */
  readonly line: number;
  /** What its publisher was told. */
  outcome: "none" | "published" | "publish replaced" | "publish refused" | "publish unknown";
}

/** Something that a channel has lost. */
interface Loss {
  readonly line: number;
  /** When it was lost. */
  readonly at: number;
  readonly is: "trim" | "rollback" | "stream lost";
  readonly epoch: string | undefined;
  /** When nodes were told. Until then what they say may be older than the loss. */
  told: number;
  /** What is kept: below `oldest` nothing, above `top` nothing. */
  readonly oldest: number;
  readonly top: number;
}

/** An entry of the broker. */
export interface TrueEntry {
  readonly fingerprint: number;
  readonly previous: number;
  readonly value: string;
  /** When it was appended. */
  readonly at: number;
}

/** What the broker has of one channel. */
export class ChannelTruth {
  /** Whether the broker tells; on real sockets it does not. */
  isTold: boolean = false;
  /** Of the present stream. */
  epoch: string | undefined = undefined;
  /** The entries of the present stream, offset 1 first; trimmed ones too. */
  readonly path: TrueEntry[] = [];
  /** Every entry there ever was, by {@linkcode positionKey}. */
  readonly ever: Map<string, TrueEntry> = new Map<string, TrueEntry>();
  /** What it has lost. */
  readonly losses: Loss[] = [];
  /** Entries that it keeps. */
  retention: number = Infinity;
  /** Milliseconds that it keeps them. */
  retentionMs: number = Infinity;

  /** The last position. */
  get top(): Position | undefined {
    if (this.epoch === undefined) return undefined;
    const last = this.path.at(-1);
    return { epoch: this.epoch, offset: this.path.length, fingerprint: last?.fingerprint ?? 0 };
  }

  /** Whether a position is part of the present stream. */
  has({ epoch, offset, fingerprint }: Position): boolean {
    if (epoch !== this.epoch) return false;
    if (offset === 0) return true;
    return this.path[offset - 1]?.fingerprint === fingerprint;
  }

  /** The first offset that has not been trimmed from the present stream. A copy that takes over may have less in it. */
  get trimmed(): number {
    const begins = this.losses.findLastIndex((loss) => loss.is === "stream lost") + 1;
    let trimmed = 1;
    for (const { is, oldest } of this.losses.slice(begins)) {
      if (is === "trim") trimmed = Math.max(trimmed, oldest);
    }
    return trimmed;
  }

  /** Whether everything after a position of the present stream is still kept, at this time. */
  keepsAfter({ offset }: Position, at: number): boolean {
    const trimmed = this.trimmed > offset + 1;
    const next = this.path[offset];
    return !trimmed && this.path.length - offset <= this.retention &&
      (next === undefined || at - next.at < this.retentionMs);
  }

  /** Whether what was at this position has been lost between two lines, to a fail-over or with its stream. */
  isGone({ epoch, offset }: Position, from: number, to: number): boolean {
    return this.losses.some((loss) =>
      loss.line > from && loss.line <= to &&
      (loss.is === "stream lost" || (loss.is === "rollback" && loss.epoch === epoch && loss.top < offset))
    );
  }
}

/** A position as the key of a map. */
export function positionKey({ epoch, offset, fingerprint }: Position): string {
  return `${epoch}:${offset}:${fingerprint}`;
}

/** What is known. */
export class Truth {
  /** By value. */
  readonly publications: Map<string, Publication> = new Map<string, Publication>();
  readonly #byNumber = new Map<string, Publication>();
  readonly #channels = new Map<string, ChannelTruth>();

  /** What is known of a channel. */
  channel(name: string): ChannelTruth {
    return getOr(this.#channels, name, () => new ChannelTruth());
  }

  /** The publication that an outcome is about. */
  published(event: { readonly producer: string; readonly channel: string; readonly number: number }):
    | Publication
    | undefined {
    return this.#byNumber.get(numberKey(event));
  }

  /** Whether a publication passes a filter. One that nobody published is a matter of other rules. */
  passes(value: string, filter: readonly string[] | undefined): boolean {
    const publication = this.publications.get(value);
    return filter === undefined || publication === undefined || filter.includes(publication.tag ?? "");
  }

  /** Takes in the next line. */
  see(event: LogEvent, line: number): void {
    switch (event.is) {
      case "publish": {
        const { value, channel, producer, number, tag } = event;
        const publication: Publication = { value, channel, producer, number, tag, line, outcome: "none" };
        this.publications.set(value, publication);
        this.#byNumber.set(numberKey(event), publication);
        return;
      }
      case "published":
      case "publish replaced":
      case "publish refused":
      case "publish unknown": {
        const publication = this.published(event);
        if (publication !== undefined) publication.outcome = event.is;
        return;
      }
      case "append":
        return this.#append(event);
      case "retention": {
        const channel = this.channel(event.channel);
        channel.retention = event.messages;
        channel.retentionMs = event.ms;
        return;
      }
      case "told":
        for (const { losses } of this.#channels.values()) {
          for (const loss of losses) {
            if (loss.at <= (event.since ?? event.at)) loss.told = Math.min(loss.told, event.at);
          }
        }
        return;
      case "trim":
        return void this.channel(event.channel).losses.push({
          line,
          at: event.at,
          is: "trim",
          told: event.at,
          epoch: undefined,
          oldest: event.oldest,
          top: Infinity,
        });
      case "rollback":
        return this.#rollback(event, line);
      case "stream lost":
        return this.#lost(event, line);
    }
  }

  #append({ channel: name, position, previous, value, at }: Extract<LogEvent, { is: "append" }>): void {
    const channel = this.channel(name);
    const entry = { fingerprint: position.fingerprint, previous, value, at };
    channel.isTold = true;
    if (channel.epoch !== position.epoch) {
      channel.epoch = position.epoch;
      channel.path.length = 0;
    }
    channel.path[position.offset - 1] = entry;
    channel.ever.set(positionKey(position), entry);
  }

  #rollback({ channel: name, epoch, top, at }: Extract<LogEvent, { is: "rollback" }>, line: number): void {
    const channel = this.channel(name);
    channel.losses.push({ line, at, is: "rollback", told: Infinity, epoch, oldest: 0, top });
    if (channel.epoch === epoch) channel.path.length = Math.min(channel.path.length, top);
  }

  #lost({ channel: name, at }: Extract<LogEvent, { is: "stream lost" }>, line: number): void {
    const channel = this.channel(name);
    channel.losses.push({
      line,
      at,
      is: "stream lost",
      told: Infinity,
      epoch: channel.epoch,
      oldest: Infinity,
      top: 0,
    });
    channel.epoch = undefined;
    channel.path.length = 0;
  }
}

function numberKey({ producer, channel, number }: {
  readonly producer: string;
  readonly channel: string;
  readonly number: number;
}): string {
  return `${producer} ${channel} ${number}`;
}
