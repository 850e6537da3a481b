/**
 * Messages that change, as server code publishes and changes them: its own and those of anybody, in nobody's name or in that of a user.
 */
import type { Position } from "../../rpc/broker.ts";
import type { Published } from "../../rpc/channel_types.ts";
import type { AnyServerChannel } from "../../rpc/publisher.ts";
import type { Recorder } from "../../testing/recorder.ts";
import { REACTIONS } from "./app.ts";
import { type DocumentPlan, documentsOf, failureOf } from "./documents.ts";

/** Something that server code does with a message. */
export interface ServerDocumentPlan extends DocumentPlan {
  /** In whose name, where it is anybody's. */
  readonly by?: string | undefined;
  /** Whether it has a key; `twice`: it is done twice at once. */
  readonly key?: "alone" | "twice" | undefined;
  /** Whether it names the offset of a message alone. */
  readonly isBare?: boolean | undefined;
}

/** What it needs. */
export interface ServerDocumentsParts {
  /** The channel of them. */
  readonly channel: () => AnyServerChannel;
  readonly recorder: Pick<Recorder, "add">;
}

type Target = Pick<Position, "epoch" | "offset">;

/** Who it is in the log. */
const SERVER = "server";

/** The messages of server code. */
export class ServerDocuments {
  readonly #parts: ServerDocumentsParts;
  readonly #own: Position[] = [];
  #count = 0;

  /** Has none. */
  constructor(parts: ServerDocumentsParts) {
    this.#parts = parts;
  }

  /** Does it: with a message of anybody's it looks first what there is. */
  act(plan: ServerDocumentPlan): void {
    if (plan.what === "publish") return this.#repeat(plan, undefined);
    if (plan.ofAnybody !== true) return this.#pick(plan, this.#own);
    void this.#read().then((all) => this.#pick(plan, all));
  }

  /** Reads the history, and tells of it. */
  read(): void {
    void this.#read();
  }

  /** Gives all messages, or none where it cannot read them. */
  async #read(): Promise<readonly Target[]> {
    const { channel, recorder } = this.#parts;
    const ask = `${SERVER}?${++this.#count}`;
    recorder.add({ is: "documents asked", client: SERVER, ask });
    try {
      const { entries, position, more } = await channel().history({ after: 0, limit: 1_000 });
      if (more) return [];
      const documents = documentsOf(entries);
      recorder.add({ is: "documents", client: SERVER, ask, position, documents });
      return entries.map(({ position }) => position);
    } catch {
      return [];
    }
  }

  #pick(plan: ServerDocumentPlan, targets: readonly Target[]): void {
    const target = targets[Math.floor(plan.which * targets.length)];
    if (target !== undefined) this.#repeat(plan, target);
  }

  #repeat(plan: ServerDocumentPlan, target: Target | undefined): void {
    for (let i = 0; i < plan.times; i++) this.#do(plan, target);
  }

  #do(plan: ServerDocumentPlan, target: Target | undefined): void {
    const { recorder } = this.#parts;
    const { what, by, key, reaction, isBare } = plan;
    const id = `${SERVER}#${++this.#count}`;
    const said = reaction && { ...reaction, counted: REACTIONS[reaction.kind] };
    recorder.add({
      ...{ is: "document", client: SERVER, id, what, target, subject: by, reaction: said },
      ...{ mayChange: true, isBare },
    });
    const sent = Array.from({ length: key === "twice" ? 2 : 1 }, () => this.#send(plan, target!, id));
    for (const one of sent) {
      one.then(({ epoch, offset, fingerprint }) => {
        const position = { epoch, offset, fingerprint };
        if (what === "publish") this.#own.push(position);
        recorder.add({ is: "document done", id, position });
      }, () => {});
    }
    void Promise.allSettled(sent).then((ended) => {
      const failures = ended.flatMap((one) => one.status === "rejected" ? [failureOf(one.reason)] : []);
      if (failures.length < ended.length) return;
      const { code } = failures[0]!;
      recorder.add({ is: "document failed", id, code, ambiguous: failures.some((one) => one.ambiguous) });
    });
  }

  #send(
    { what, by, key, reaction, isBare }: ServerDocumentPlan,
    place: Target,
    id: string,
  ): Promise<Published> {
    const target = isBare ? place.offset : place;
    const channel = this.#parts.channel();
    const options = { by, key: key && id };
    switch (what) {
      case "publish":
        return channel.publish(`<${id}>`, options);
      case "edit":
        return channel.edit(target, `<${id}>`, options);
      case "append": // those without options roll up
        return channel.append(target, `<${id}>`, options);
      case "delete":
        return channel.delete(target, options);
      case "react": {
        const { kind, value, undo } = reaction!;
        const said = value === "" ? undefined : value;
        return undo ? channel.unreact(target, kind, said) : channel.react(target, kind, said);
      }
    }
  }
}
