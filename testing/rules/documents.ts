/**
 * Messages that change: each is what its changes made of it, for everybody, and what was deleted is gone.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import type { SeenDocument } from "../document_log.ts";
import { getOr } from "./get_or.ts";
import { mayBeRefused, type Said, wrongReactions } from "./reactions.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";

type DocumentsLine =
  | "crash"
  | "finish"
  | "document"
  | "document done"
  | "document failed"
  | "documents asked"
  | "documents";

/** Something that was done with a message. */
interface Deed extends Pick<Line<"document">, "id" | "client" | "what" | "target" | "subject" | "reaction"> {
  readonly mayDelete: boolean;
  readonly mayChange: boolean;
  readonly isBare: boolean;
  readonly line: number;
  /** What had been acknowledged by then, of each life of the stream. */
  readonly floors: ReadonlyMap<string, number>;
  outcome: "open" | "done" | "refused" | "unknown";
  doneAt: number;
  /** The line at which it was refused for what is there already. */
  tooLargeAt?: number;
  position: Position | undefined;
}

/** What is known of one message. */
interface Known {
  readonly offset: number;
  readonly epoch: string;
  deeds: Deed[];
}

/** A message is what was made of it. */
export class Documents implements RuleCheck<DocumentsLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly DocumentsLine[] = [
    "crash",
    "finish",
    "document",
    "document done",
    "document failed",
    "documents asked",
    "documents",
  ];
  readonly #surroundings: Surroundings;
  readonly #deeds = new Map<string, Deed>();
  readonly #messages = new Map<string, Known>();
  /** What named an offset alone, and may land in any life of the stream. */
  readonly #bare = new Set<Deed>();
  readonly #crashed = new Set<string>();
  readonly #asked = new Map<string, number>();
  /** The highest offset that was acknowledged, of each life of the stream. */
  readonly #floors = new Map<string, number>();
  /** The latest of each position that was told: who is at one place has the same. */
  readonly #told = new Map<string, { readonly by: string; readonly documents: string }>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<DocumentsLine>, line: number): void {
    switch (event.is) {
      case "document":
        return this.#begin(event, line);
      case "document done":
        return this.#done(event, line);
      case "document failed": {
        const deed = this.#deeds.get(event.id);
        if (deed === undefined) return;
        deed.outcome = event.ambiguous ? "unknown" : "refused";
        if (event.code === "FORBIDDEN") this.#checkRefusal(deed, line);
        if (deed.outcome === "refused" && event.code === "TOO_LARGE") deed.tooLargeAt = line;
        return;
      }
      case "documents asked":
        return void this.#asked.set(event.ask, line);
      case "documents":
        return this.#check(event, line);
      case "crash":
        return void this.#crashed.add(event.client);
      case "finish":
        return this.#finish(line);
    }
  }

  #finish(line: number): void {
    const found = (what: string): void => this.#surroundings.found("documents", what, line);
    for (const deed of this.#deeds.values()) {
      const { id, client, outcome, tooLargeAt } = deed;
      if (outcome === "open" && !this.#crashed.has(client)) found(`${id} has no end`);
      if (tooLargeAt !== undefined && deed.what === "react" && !this.#isFull(deed, tooLargeAt)) {
        found(`${id} was refused, and there was room for it`);
      }
    }
    const done = [...this.#deeds.values()].filter(({ outcome }) => outcome === "done");
    for (const [before, after] of outOfOrder(done)) {
      found(`${after.id} has landed before ${before.id}, which came first`);
    }
  }

  /** Whether so much may have been said of the message that nothing else can be. */
  #isFull(refused: Deed, until: number): boolean {
    const { client, subject, reaction, isBare, target } = refused;
    const messages = isBare
      ? [...this.#messages.values()].filter(({ offset }) => offset === target!.offset)
      : [this.#of(target!)];
    return messages.some(({ deeds }) => {
      const said = deeds.flatMap((deed): Said[] => {
        if (deed.line > until || deed.reaction?.kind !== reaction!.kind) return [];
        return saidBy(deed, deed.outcome === "done" && deed.doneAt < refused.line);
      });
      return mayBeRefused({ ...reaction!, client, subject, isCertain: false }, said);
    });
  }

  #begin(event: Line<"document">, line: number): void {
    const { id, client, what, target, subject, reaction, mayDelete = false } = event;
    const { mayChange = false, isBare = false } = event;
    const floors = new Map(this.#floors);
    const asked = { id, client, what, target, subject, reaction, mayDelete, mayChange, isBare, line, floors };
    const deed: Deed = { ...asked, outcome: "open", doneAt: Infinity, position: undefined };
    this.#deeds.set(id, deed);
    if (target === undefined) return;
    const message = this.#of(target);
    if (!isBare) return void message.deeds.push(deed);
    this.#bare.add(deed);
    for (const one of this.#messages.values()) {
      if (one.offset === target.offset) one.deeds.push(deed);
    }
  }

  /** What is done again under its key is told of twice, with one place. */
  #done({ id, position }: Line<"document done">, line: number): void {
    const deed = this.#deeds.get(id);
    if (deed === undefined) return;
    const { epoch, offset } = position;
    const found = (what: string): void => this.#surroundings.found("documents", what, line);
    if (deed.outcome === "done") {
      const { position: before } = deed;
      if (before!.epoch !== epoch || before!.offset === offset) return;
      return found(`${id} has landed at ${before!.offset} and at ${offset}`);
    }
    if (deed.target !== undefined && !deed.isBare && deed.target.epoch !== epoch) {
      found(`${id} is of a message of another life of the stream than that in which it has landed`);
    }
    const floor = deed.floors.get(epoch) ?? 0;
    const isSummary = deed.what === "react"; // it may tell of one that is there already
    if (isSummary ? offset < floor : offset <= floor) {
      found(`${id} has landed at ${offset}, and ${floor} was acknowledged before it was done`);
    }
    this.#floors.set(epoch, Math.max(offset, this.#floors.get(epoch) ?? 0));
    Object.assign(deed, { outcome: "done", doneAt: line, position });
    if (this.#bare.has(deed)) this.#settle(deed, epoch);
    if (deed.what === "publish") this.#of(position).deeds.unshift(deed);
    else this.#checkRight(deed, line);
  }

  /** It is of that life of the stream alone. */
  #settle(deed: Deed, epoch: string): void {
    this.#of({ epoch, offset: deed.target!.offset }); // made here, where nobody knew of it
    this.#bare.delete(deed);
    for (const message of this.#messages.values()) {
      if (message.epoch !== epoch) message.deeds = message.deeds.filter((one) => one !== deed);
    }
  }

  /** Whoever has published a message changes it; moderators delete it; server code does what it likes. */
  #checkRight(deed: Deed, line: number): void {
    const { id, what, target, mayDelete, mayChange } = deed;
    if (mayChange) return;
    const published = this.#of(target!).deeds.find((one) => one.what === "publish");
    if (what === "react" || (what === "delete" && mayDelete) || published === undefined) return;
    if (authorOf(published) === authorOf(deed)) return;
    this.#surroundings.found("documents", `${id} is of another than ${published.id}: ${what}`, line);
  }

  /** Nobody is refused what they have published, by whichever of their connections. */
  #checkRefusal(deed: Deed, line: number): void {
    const { id, what, target, mayDelete } = deed;
    const published = this.#of(target!).deeds.find((one) => one.what === "publish");
    const isOwn = published !== undefined && authorOf(published) === authorOf(deed);
    if (!isOwn && !(what === "delete" && mayDelete)) return;
    this.#surroundings.found("documents", `${id} was refused: ${what} of ${published?.id}`, line);
  }

  #of({ epoch, offset }: Pick<Position, "epoch" | "offset">): Known {
    return getOr(this.#messages, `${epoch}:${offset}`, () => {
      const deeds = [...this.#bare].filter(({ target }) => target!.offset === offset);
      return { epoch, offset, deeds };
    });
  }

  #check({ client, ask, position, documents }: Line<"documents">, line: number): void {
    const since = ask === undefined ? -1 : this.#asked.get(ask) ?? -1;
    const found = (what: string): void => this.#surroundings.found("documents", `${client}: ${what}`, line);
    for (const document of documents) {
      const { deeds } = this.#of({ epoch: position.epoch, offset: document.offset });
      this.#checkText(document, deeds, { position, since }, found);
      this.#checkVersion(document, deeds, { position, since }, found);
      this.#checkReactions(document, deeds, { position, since }, found);
      checkNames(document, deeds, { position, since }, found);
    }
    this.#checkPlaces(documents, { position, since }, found);
    const key = `${position.epoch}:${position.offset}`;
    const told = JSON.stringify(
      [...documents].sort((a, b) => a.offset - b.offset).map((document) => [
        document.offset,
        document.text ?? null,
        document.reactions,
      ]),
    );
    const before = this.#told.get(key);
    if (before !== undefined && before.documents !== told) {
      found(`at ${position.offset} it has ${told}, and ${before.by} had ${before.documents}`);
    }
    this.#told.set(key, { by: client, documents: told });
  }

  /** What was published is there once, and what was acknowledged is there, where that was told. */
  #checkPlaces(
    documents: readonly SeenDocument[],
    moment: Moment,
    found: (what: string) => void,
  ): void {
    const { epoch, offset: top } = moment.position;
    const places = new Map<string, number>();
    for (const { offset, text } of documents) {
      const id = text?.match(/^<([^>]*)>/)?.[1];
      const deed = id === undefined ? undefined : this.#deeds.get(id);
      if (deed?.what !== "publish") continue;
      const told = deed.outcome === "done" && deed.position!.epoch === epoch
        ? deed.position!.offset
        : places.get(deed.id);
      if (told !== undefined && told !== offset) found(`${deed.id} is at ${told} and at ${offset}`);
      places.set(deed.id, offset);
    }
    const all = new Set(documents.map(({ offset }) => offset));
    for (const { id, what, outcome, position, doneAt } of this.#deeds.values()) {
      if (what !== "publish" || outcome !== "done" || position!.epoch !== epoch) continue;
      const isIn = position!.offset <= top || doneAt < moment.since;
      if (isIn && !all.has(position!.offset)) found(`${id} at ${position!.offset} is missing`);
    }
  }

  #checkText(
    { offset, text }: SeenDocument,
    deeds: readonly Deed[],
    { position, since }: Moment,
    found: (what: string) => void,
  ): void {
    const isIn = (deed: Deed): boolean =>
      deed.outcome === "done" && deed.position!.epoch === position.epoch &&
      deed.position!.offset <= position.offset;
    const deletion = deeds.find((deed) => deed.what === "delete" && (isIn(deed) || deed.doneAt < since));
    if (deletion !== undefined && text !== undefined) {
      found(`${offset} was deleted by ${deletion.id}, and is ${text}`);
    }
    if (text === undefined) {
      if (!deeds.some(({ what, outcome }) => what === "delete" && outcome !== "refused")) {
        found(`${offset} is gone, and nobody has deleted it`);
      }
      return;
    }
    const tokens = text.match(/<[^>]*>/g) ?? [];
    if (new Set(tokens).size < tokens.length) found(`${offset} has a piece twice: ${text}`);
    for (const token of tokens) {
      const deed = this.#deeds.get(token.slice(1, -1));
      const isOf = deed?.what === "publish" || deeds.includes(deed!);
      if (deed === undefined || !isOf || deed.outcome === "refused") {
        found(`${offset} has ${token}, of nobody`);
      }
    }
    this.#checkPieces({ offset, tokens }, deeds.filter(isIn), deeds, found);
  }

  /** All pieces that were acknowledged behind the last whole are there, in their order. */
  #checkPieces(
    { offset, tokens }: { readonly offset: number; readonly tokens: readonly string[] },
    done: readonly Deed[],
    all: readonly Deed[],
    found: (what: string) => void,
  ): void {
    const isOpen = all.some(({ what, outcome }) =>
      what === "edit" && (outcome === "open" || outcome === "unknown")
    );
    if (isOpen) return; // it may have replaced any of them
    const ordered = [...done].sort((a, b) => a.position!.offset - b.position!.offset || a.line - b.line);
    const last = ordered.findLastIndex(({ what }) => what === "edit" || what === "publish");
    let at = -1;
    for (const { id, what } of ordered.slice(Math.max(0, last))) {
      if (what === "react" || what === "delete") continue;
      const next = tokens.indexOf(`<${id}>`, at + 1);
      if (next < 0) return found(`${offset} lacks ${id}, or has it in another place: ${tokens.join("")}`);
      at = next;
    }
  }

  /** The last change is told, in a page. */
  #checkVersion(
    { offset, text, version }: SeenDocument,
    deeds: readonly Deed[],
    { position, since }: Moment,
    found: (what: string) => void,
  ): void {
    if (version === undefined || text === undefined) return;
    const changes = deeds.filter(({ what, outcome }) => what !== "react" && outcome !== "refused");
    const done = changes.filter((deed) => isCertain(deed, { position, since }));
    const last = Math.max(offset, ...done.map((deed) => deed.position!.offset));
    const isOther = version > last && changes.length === done.length;
    if (version < last || isOther) found(`${offset} is of version ${version}, and not ${last}`);
  }

  #checkReactions(
    { offset, text, reactions }: SeenDocument,
    deeds: readonly Deed[],
    moment: Moment,
    found: (what: string) => void,
  ): void {
    if (text === undefined) return;
    const said = deeds.flatMap((deed) => saidBy(deed, isCertain(deed, moment)));
    const wrong = wrongReactions(reactions, said);
    if (wrong !== undefined) found(`${offset}: ${wrong}`);
  }
}

/** Where somebody sees messages, and since when that was asked for. */
interface Moment {
  readonly position: Position;
  readonly since: number;
}

/** Whether what is seen there has it. */
function isCertain({ outcome, position: at, doneAt }: Deed, { position, since }: Moment): boolean {
  return outcome === "done" &&
    ((at!.epoch === position.epoch && at!.offset <= position.offset) || doneAt < since);
}

/** What it says, if it says anything and was not refused. */
function saidBy(deed: Deed, isCertain: boolean): Said[] {
  const { client, subject, reaction, outcome, line: asked, doneAt: done } = deed;
  if (reaction === undefined || outcome === "refused") return [];
  return [{ ...reaction, client, subject, asked, done, isCertain }];
}

/** A page tells who has published a message, and who has changed it last. */
function checkNames(
  { offset, text, version, named }: SeenDocument,
  deeds: readonly Deed[],
  moment: Moment,
  found: (what: string) => void,
): void {
  if (named === undefined || text === undefined) return;
  const published = deeds.find(({ what }) => what === "publish");
  if (published !== undefined && published.subject !== named.by) {
    found(`${offset} is of ${named.by}, and ${published.id} of ${published.subject}`);
  }
  const last = deeds.find((deed) =>
    deed.what !== "react" && deed.position?.offset === version && isCertain(deed, moment)
  );
  const editedBy = last?.what === "publish" ? undefined : last?.subject;
  if (last !== undefined && editedBy !== named.editedBy) {
    found(`${offset} was changed by ${named.editedBy}, and ${last.id} is of ${editedBy}`);
  }
}

/** Of each client those that landed in another order than they were done in, where that was: pieces of one message may land together, and reactions have no order. */
function outOfOrder(done: readonly Deed[]): [before: Deed, after: Deed][] {
  const last = new Map<string, Deed>();
  const wrong: [Deed, Deed][] = [];
  for (const deed of [...done].sort((a, b) => a.line - b.line)) {
    if (deed.what === "react") continue;
    const key = `${deed.client} ${deed.position!.epoch}`;
    const before = last.get(key);
    last.set(key, deed);
    if (before === undefined || before.position!.offset < deed.position!.offset) continue;
    const isOne = before.what === "append" && deed.what === "append" &&
      before.position!.offset === deed.position!.offset && before.target!.offset === deed.target!.offset;
    if (!isOne) wrong.push([before, deed]);
  }
  return wrong;
}

/** Whose it is. */
function authorOf({ subject, client }: Pick<Deed, "subject" | "client">): string {
  return subject === undefined ? `c${client}` : `s${subject}`;
}
