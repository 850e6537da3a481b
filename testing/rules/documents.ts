/**
 * Messages that change: each is what its changes made of it, for everybody, and what was deleted is gone.
 *
 * @module
 */
import type { Position } from "../../rpc/broker.ts";
import type { SeenDocument } from "../document_log.ts";
import { getOr } from "./get_or.ts";
import { type Said, wrongReactions } from "./reactions.ts";
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
  readonly line: number;
  outcome: "open" | "done" | "refused" | "unknown";
  doneAt: number;
  position: Position | undefined;
}

/** What is known of one message. */
interface Known {
  readonly deeds: Deed[];
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
  readonly #crashed = new Set<string>();
  readonly #asked = new Map<string, number>();
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
      case "document done": {
        const deed = this.#deeds.get(event.id);
        if (deed === undefined) return;
        Object.assign(deed, { outcome: "done", doneAt: line, position: event.position });
        if (deed.what === "publish") this.#of(event.position).deeds.unshift(deed);
        else this.#checkRight(deed, line);
        return;
      }
      case "document failed": {
        const deed = this.#deeds.get(event.id);
        if (deed === undefined) return;
        deed.outcome = event.ambiguous ? "unknown" : "refused";
        if (event.code === "FORBIDDEN") this.#checkRefusal(deed, line);
        return;
      }
      case "documents asked":
        return void this.#asked.set(event.ask, line);
      case "documents":
        return this.#check(event, line);
      case "crash":
        return void this.#crashed.add(event.client);
      case "finish":
        for (const { id, client, outcome } of this.#deeds.values()) {
          if (outcome !== "open" || this.#crashed.has(client)) continue;
          this.#surroundings.found("documents", `${id} has no end`, line);
        }
    }
  }

  #begin(event: Line<"document">, line: number): void {
    const { id, client, what, target, subject, reaction, mayDelete = false } = event;
    const asked = { id, client, what, target, subject, reaction, mayDelete, line };
    const deed: Deed = { ...asked, outcome: "open", doneAt: Infinity, position: undefined };
    this.#deeds.set(id, deed);
    if (target !== undefined) this.#of(target).deeds.push(deed);
  }

  /** Whoever has published a message changes it; moderators delete it. */
  #checkRight(deed: Deed, line: number): void {
    const { id, what, target, mayDelete } = deed;
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
    return getOr(this.#messages, `${epoch}:${offset}`, () => ({ deeds: [] }));
  }

  #check({ client, ask, position, documents }: Line<"documents">, line: number): void {
    const since = ask === undefined ? -1 : this.#asked.get(ask) ?? -1;
    const found = (what: string): void => this.#surroundings.found("documents", `${client}: ${what}`, line);
    for (const document of documents) {
      const { deeds } = this.#of({ epoch: position.epoch, offset: document.offset });
      this.#checkText(document, deeds, { position, since }, found);
      this.#checkVersion(document, deeds, { position, since }, found);
      this.#checkReactions(document, deeds, { position, since }, found);
    }
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
    const said = deeds.flatMap((deed): Said[] => {
      const { client, subject, reaction, outcome } = deed;
      if (reaction === undefined || outcome === "refused") return [];
      const { line: asked, doneAt: done } = deed;
      return [{ ...reaction, client, subject, asked, done, isCertain: isCertain(deed, moment) }];
    });
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

/** Whose it is. */
function authorOf({ subject, client }: Pick<Deed, "subject" | "client">): string {
  return subject === undefined ? `c${client}` : `s${subject}`;
}
