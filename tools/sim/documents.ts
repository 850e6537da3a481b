/**
 * Messages that change, as one client makes, changes and sees them. Each text is made of tokens such as `<c0#3>`, so that it says by itself what is lost, doubled or moved.
 */
import type { Client } from "../../client/client.ts";
import type { ChannelEvent, Subscription } from "../../client/channel_types.ts";
import type { Position } from "../../rpc/broker.ts";
import { CallError } from "../../rpc/errors.ts";
import type { ReactionSummary } from "../../rpc/interactions.ts";
import type { ChangeableEntry } from "../../rpc/publisher.ts";
import type { DocumentChange, SeenDocument } from "../../testing/document_log.ts";
import type { Machine } from "../../testing/machine.ts";
import type { Recorder } from "../../testing/recorder.ts";
import { isModerator, REACTIONS, type ScenarioApp } from "./app.ts";

/** The channel of all of them. */
export const WALL = "wall/1";

/** Something that is done with a message. */
export interface DocumentPlan {
  /** What. */
  readonly what: DocumentChange;
  /** Which of those that the client has published, or sees: 0 to 1. */
  readonly which: number;
  /** Whether of those that it sees, whoever has published them. */
  readonly ofAnybody?: boolean | undefined;
  /** How often, at once. */
  readonly times: number;
  /** What it says of it, where it does. */
  readonly reaction?: ReactionPlan | undefined;
}

/** What is said of a message. */
export interface ReactionPlan {
  /** The name of it. */
  readonly kind: ReactionKind;
  /** Empty for none. */
  readonly value: string;
  /** Whether it is taken back. */
  readonly undo: boolean;
}

/** Kinds of reactions. */
export type ReactionKind = keyof typeof REACTIONS;

/** What it needs. */
export interface DocumentsParts {
  readonly name: string;
  /** Whom it is authenticated as, if it is. */
  readonly subject: string | undefined;
  readonly client: Client<ScenarioApp>;
  readonly machine: Machine;
  readonly recorder: Pick<Recorder, "add">;
}

type Interactions =
  | "changes"
  | "reactions"
  | { [Kind in ReactionKind]: `${(typeof REACTIONS)[Kind]}:${Kind}` }[ReactionKind];
type Event = ChannelEvent<string, Interactions>;
type Target = Pick<Position, "epoch" | "offset">;

/** What a page tells of messages. */
export function documentsOf(entries: readonly ChangeableEntry<unknown>[]): SeenDocument[] {
  return entries.map(({ position: { offset }, data, reactions, version, by, editedBy }) => (
    { offset, text: data as string | undefined, reactions, version, named: { by, editedBy } }
  ));
}

/** What is told of something that did not come about, or of which nobody knows. */
export function failureOf(error: unknown): { readonly code: string; readonly ambiguous: boolean } {
  if (!(error instanceof CallError)) return { code: String(error), ambiguous: false };
  const { code, ambiguous } = error;
  return { code, ambiguous };
}

/** The messages of one client. */
export class ScenarioDocuments {
  readonly #parts: DocumentsParts;
  readonly #own: Position[] = [];
  #subscription: Subscription<string, Interactions> | undefined;
  #seen = new Map<number, { text: string | undefined; reactions: ReactionSummary }>();
  #epoch = "";
  #hasGap = false;
  #count = 0;

  /** Has none, and sees nothing yet. */
  constructor(parts: DocumentsParts) {
    this.#parts = parts;
  }

  get #channel() {
    return this.#parts.client.channel("wall/:id", { id: "1" });
  }

  /** Whether it sees them. */
  get follows(): boolean {
    return this.#subscription !== undefined;
  }

  /** Sees all from the beginning. */
  follow(): void {
    if (this.#subscription === undefined) this.#follow({ rewind: 1_000 });
  }

  /** Does it. */
  act({ what, which, ofAnybody = false, times, reaction }: DocumentPlan): void {
    this.follow();
    const targets = ofAnybody ? this.#all : this.#own;
    const target = what === "publish" ? undefined : targets[Math.floor(which * targets.length)];
    if (what !== "publish" && target === undefined) return;
    for (let i = 0; i < times; i++) this.#do(what, target, reaction);
  }

  /** What it sees. */
  get #all(): Target[] {
    return [...this.#seen.keys()].map((offset) => ({ epoch: this.#epoch, offset }));
  }

  /** Reads the history, and tells of it. */
  read(): void {
    const { name: client, recorder } = this.#parts;
    const ask = `${client}?${++this.#count}`;
    recorder.add({ is: "documents asked", client, ask });
    this.#channel.history({ after: 0, limit: 1_000 }).then(({ entries, position, more }) => {
      if (more) return;
      recorder.add({ is: "documents", client, ask, position, documents: documentsOf(entries) });
    }, () => {});
  }

  /** Tells what it has seen. */
  settle(): void {
    const position = this.#subscription?.position;
    if (position === undefined || this.#hasGap || this.#parts.machine.isDead) return;
    const documents: SeenDocument[] = [...this.#seen].map(([offset, seen]) => ({ offset, ...seen }));
    this.#parts.recorder.add({ is: "documents", client: this.#parts.name, position, documents });
  }

  #do(what: DocumentChange, target: Target | undefined, reaction: ReactionPlan | undefined): void {
    const { name: client, subject, recorder } = this.#parts;
    const id = `${client}#${++this.#count}`;
    const said = reaction && { ...reaction, counted: REACTIONS[reaction.kind] };
    const asked = { client, subject, id, what, target, reaction: said, mayDelete: isModerator(client) };
    recorder.add({ is: "document", ...asked });
    this.#send({ what, reaction, target: target! }, `<${id}>`).then((position) => {
      if (what === "publish") this.#own.push(position);
      const { epoch, offset, fingerprint } = position;
      recorder.add({ is: "document done", id, position: { epoch, offset, fingerprint } });
    }, (error) => {
      recorder.add({ is: "document failed", id, ...failureOf(error) });
    });
  }

  #send(
    { what, target, reaction }: Pick<DocumentPlan, "what" | "reaction"> & { readonly target: Target },
    text: string,
  ): Promise<Position> {
    const channel = this.#channel;
    switch (what) {
      case "publish":
        return channel.publish(text);
      case "edit":
        return channel.edit(target, text);
      case "append":
        return channel.append(target, text);
      case "delete":
        return channel.delete(target);
      case "react":
        return this.#react(target, reaction!);
    }
  }

  #react(target: Target, { kind, value, undo }: ReactionPlan): Promise<Position> {
    const channel = this.#channel;
    if (kind === "like") return undo ? channel.unreact(target, kind) : channel.react(target, kind);
    if (kind === "vote" && undo) return channel.unreact(target, kind);
    return undo ? channel.unreact(target, kind, value) : channel.react(target, kind, value);
  }

  #follow(options: { readonly rewind?: number; readonly position?: Position }): void {
    this.#seen = new Map();
    this.#subscription = this.#channel.subscribe(
      { ...options, onError: () => {} },
      (event) => this.#take(event),
    );
  }

  #take(event: Event): void {
    const { position: { epoch, offset } } = event;
    this.#epoch = epoch;
    switch (event.type) {
      case "gap":
        this.#hasGap = true;
        return;
      case "reset": // the stream is another one: it sees that from its beginning
        this.#subscription?.close();
        return this.#follow({ position: { epoch, offset: 0, fingerprint: 0 } });
      case "message":
        return void this.#seen.set(offset, { text: event.data, reactions: {} });
      default: {
        const seen = this.#seen.get(event.target) ?? { text: "", reactions: {} };
        this.#seen.set(event.target, seen);
        if (event.type === "edit") seen.text = event.data;
        else if (event.type === "append") seen.text += event.piece;
        else if (event.type === "delete") Object.assign(seen, { text: undefined, reactions: {} });
        else seen.reactions = event.summary;
      }
    }
  }
}
