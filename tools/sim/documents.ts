/**
 * Messages that change, as one client makes, changes and sees them. Each text is made of tokens such as `<c0#3>`, so that it says by itself what is lost, doubled or moved.
 */
import type { Client } from "../../client/client.ts";
import type { ChannelEvent, Subscription } from "../../client/channel_types.ts";
import type { Position } from "../../rpc/broker.ts";
import { CallError } from "../../rpc/errors.ts";
import type { DocumentChange, SeenDocument } from "../../testing/log.ts";
import type { Machine } from "../../testing/machine.ts";
import type { Recorder } from "../../testing/recorder.ts";
import type { ScenarioApp } from "./app.ts";

/** The channel of all of them. */
export const WALL = "wall/1";

/** Something that is done with a message. */
export interface DocumentPlan {
  /** What. */
  readonly what: DocumentChange;
  /** Which of those that the client has published: 0 to 1. */
  readonly which: number;
  /** How often, at once. */
  readonly times: number;
}

/** What it needs. */
export interface DocumentsParts {
  readonly name: string;
  readonly client: Client<ScenarioApp>;
  readonly machine: Machine;
  readonly recorder: Pick<Recorder, "add">;
}

type Interactions = "changes" | "reactions" | "total:like";
type Event = ChannelEvent<string, Interactions>;

/** The messages of one client. */
export class ScenarioDocuments {
  readonly #parts: DocumentsParts;
  readonly #own: Position[] = [];
  #subscription: Subscription<string, Interactions> | undefined;
  #seen = new Map<number, { text: string | undefined; likes: number }>();
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
  act({ what, which, times }: DocumentPlan): void {
    this.follow();
    const target = what === "publish" ? undefined : this.#own[Math.floor(which * this.#own.length)];
    if (what !== "publish" && target === undefined) return;
    for (let i = 0; i < times; i++) this.#do(what, target);
  }

  /** Reads the history, and tells of it. */
  read(): void {
    const { name: client, recorder } = this.#parts;
    const ask = `${client}?${++this.#count}`;
    recorder.add({ is: "documents asked", client, ask });
    this.#channel.history({ after: 0, limit: 1_000 }).then(({ entries, position, more }) => {
      if (more) return;
      const documents = entries.map(({ position: { offset }, data, reactions }) => {
        const like = reactions["like"];
        return { offset, text: data, likes: like !== undefined && "total" in like ? like.total : 0 };
      });
      recorder.add({ is: "documents", client, ask, position, documents });
    }, () => {});
  }

  /** Tells what it has seen. */
  settle(): void {
    const position = this.#subscription?.position;
    if (position === undefined || this.#hasGap || this.#parts.machine.isDead) return;
    const documents: SeenDocument[] = [...this.#seen].map(([offset, seen]) => ({ offset, ...seen }));
    this.#parts.recorder.add({ is: "documents", client: this.#parts.name, position, documents });
  }

  #do(what: DocumentChange, target: Position | undefined): void {
    const { name: client, recorder } = this.#parts;
    const id = `${client}#${++this.#count}`;
    recorder.add({ is: "document", client, id, what, ...target === undefined ? {} : { target } });
    this.#send(what, `<${id}>`, target!).then((position) => {
      if (what === "publish") this.#own.push(position);
      const { epoch, offset, fingerprint } = position;
      recorder.add({ is: "document done", id, position: { epoch, offset, fingerprint } });
    }, (error) => {
      const { code, ambiguous } = error instanceof CallError
        ? error
        : { code: String(error), ambiguous: false };
      recorder.add({ is: "document failed", id, code, ambiguous });
    });
  }

  #send(what: DocumentChange, text: string, target: Position): Promise<Position> {
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
        return channel.react(target, "like");
    }
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
    switch (event.type) {
      case "gap":
        this.#hasGap = true;
        return;
      case "reset": // the stream is another one: it sees that from its beginning
        this.#subscription?.close();
        return this.#follow({ position: { epoch, offset: 0, fingerprint: 0 } });
      case "message":
        return void this.#seen.set(offset, { text: event.data, likes: 0 });
      default: {
        const seen = this.#seen.get(event.target) ?? { text: "", likes: 0 };
        this.#seen.set(event.target, seen);
        if (event.type === "edit") seen.text = event.data;
        else if (event.type === "append") seen.text += event.piece;
        else if (event.type === "delete") Object.assign(seen, { text: undefined, likes: 0 });
        else {
          const { like } = event.summary;
          seen.likes = like !== undefined && "total" in like ? like.total : 0;
        }
      }
    }
  }
}
