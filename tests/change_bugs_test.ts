// Bugs of messages that change, in histories and in the core: the simulation shows them, and the checker finds them.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MessageBook } from "../brokers/message_book.ts";
import { LocalSubscription } from "../client/subscription.ts";
import type { ReactionSummary } from "../rpc/interactions.ts";
import { ReactionState } from "../rpc/reaction_state.ts";
import { Rollup } from "../rpc/rollup.ts";
import { NodeChannels } from "../rpc/node_channels.ts";
import { type AppendedBy, ServerChanges } from "../rpc/server_changes.ts";
import { check } from "../testing/checker.ts";
import type { Happening, LogEvent } from "../testing/log.ts";
import { isFound } from "./suites/document_bugs.ts";

const LIKE = { kind: "like", counted: "total", value: "", undo: false } as const;

const at = (offset: number) => ({ epoch: "E", offset, fingerprint: offset });

/** A history in which all went right: a message that grows, one that is edited, one that is deleted. */
function clean(): Happening[] {
  const target = at(1);
  const document = (offset: number, text: string | undefined, reactions: ReactionSummary = {}) => (
    { offset, text, reactions }
  );
  const done = (client: string, id: string, what: "publish" | "append", offset: number): Happening[] => [
    { is: "document", client, id, what, ...what === "publish" ? {} : { target } },
    { is: "document done", id, position: at(offset) },
  ];
  const documents = [
    document(1, "<1><2><3>", { like: { total: 1 } }),
    document(4, "<5>"),
    document(6, undefined),
  ];
  return [
    ...done("ada", "1", "publish", 1),
    ...done("ada", "2", "append", 2),
    ...done("ada", "3", "append", 3),
    ...done("bob", "4", "publish", 4),
    { is: "document", client: "bob", id: "5", what: "edit", target: at(4) },
    { is: "document done", id: "5", position: at(5) },
    ...done("bob", "6", "publish", 6),
    { is: "document", client: "bob", id: "7", what: "delete", target: at(6) },
    { is: "document done", id: "7", position: at(7) },
    { is: "document", client: "bob", id: "8", what: "react", target, reaction: LIKE },
    { is: "document done", id: "8", position: at(8) },
    { is: "documents asked", client: "cy", ask: "a" },
    { is: "documents", client: "cy", ask: "a", position: at(8), documents },
    { is: "documents", client: "ada", position: at(8), documents: structuredClone(documents) },
    { is: "finish" },
  ];
}

type Documents = Extract<Happening, { is: "documents" }>;

/** What the checker finds where the first who tells of documents has others. */
function found(
  change: (documents: { text: string | undefined; reactions: ReactionSummary }[]) => void,
): string[] {
  const log = clean().filter((event) => event.is !== "documents" || event.ask !== undefined);
  const { documents } = log.find((event) => event.is === "documents") as Documents;
  change(documents as never);
  return rules(log);
}

function rules(log: readonly Happening[]): string[] {
  return check(log.map((event, at) => ({ at, ...event }) as LogEvent)).map(({ rule }) => rule);
}

describe("in a history of messages that change", () => {
  it("nothing is found where all went right", () => assertEquals(rules(clean()), []));

  const bugs: Record<string, Parameters<typeof found>[0]> = {
    "a piece that is lost": ([one]) => one!.text = "<1><3>",
    "a piece that is there twice": ([one]) => one!.text = "<1><2><2><3>",
    "pieces in another order": ([one]) => one!.text = "<1><3><2>",
    "a piece of another message": ([one]) => one!.text = "<1><2><3><5>",
    "an edit that was lost": ([, two]) => two!.text = "<4>",
    "what was deleted": ([, , three]) => three!.text = "<6>",
    "what nobody has deleted": ([one]) => one!.text = undefined,
    "a reaction that is lost": ([one]) => one!.reactions = {},
    "a reaction that counts twice": ([one]) => one!.reactions = { like: { total: 2 } },
  };
  for (const [name, bug] of Object.entries(bugs)) {
    it(`${name} is found`, () => assert(found(bug).includes("documents")));
  }

  it("two who have different messages at one place are found", () => {
    const log = clean();
    const last = log.findLast((event) => event.is === "documents") as Documents;
    (last.documents[0] as { reactions: ReactionSummary }).reactions = {};
    assert(rules(log).includes("documents"));
  });

  it("a change of who may not is found", () => {
    const log = clean().map((event): Happening =>
      event.is === "document" && event.id === "5" ? { ...event, client: "ada" } : event
    );
    assert(rules(log).includes("documents"));
  });

  it("a deletion of who may only delete is none, and an edit is found", () => {
    const by = (id: string) =>
      clean().map((event): Happening =>
        event.is === "document" && event.id === id ? { ...event, client: "ada", mayDelete: true } : event
      );
    assertEquals(rules(by("7")), []);
    assert(rules(by("5")).includes("documents"));
  });

  it("a page that tells another version is found", () => {
    const log = clean();
    const page = log.find((event) => event.is === "documents") as Documents;
    Object.assign(page.documents[1]!, { version: 5 });
    assertEquals(rules(log.slice(0, -2)), []);
    Object.assign(page.documents[1]!, { version: 4 });
    assert(rules(log).includes("documents"));
  });

  it("a change that never ends is found", () => {
    const log = clean().filter((event) => event.is !== "document done" || event.id !== "7");
    assert(rules(log).includes("documents"));
  });
});

/** What server code did, in order: an edit of what bob has published, under a key, and a piece behind it in the name of ada. */
function cleanServer(): Happening[] {
  const line = { is: "document", client: "server", target: at(1), mayChange: true } as const;
  const named = { by: undefined, editedBy: "ada" };
  return [
    { is: "document", client: "bob", id: "1", what: "publish" },
    { is: "document done", id: "1", position: at(1) },
    { ...line, id: "2", what: "edit" },
    { ...line, id: "3", what: "append", subject: "ada" },
    { is: "document done", id: "2", position: at(2) },
    { is: "document done", id: "2", position: at(2) },
    { is: "document done", id: "3", position: at(3) },
    { is: "document", client: "server", id: "4", what: "publish" },
    { is: "document done", id: "4", position: at(4) },
    { is: "documents asked", client: "cy", ask: "a" },
    {
      ...{ is: "documents", client: "cy", ask: "a", position: at(4) },
      documents: [
        { offset: 1, text: "<2><3>", reactions: {}, version: 3, named },
        { offset: 4, text: "<4>", reactions: {}, version: 4, named: { by: undefined, editedBy: undefined } },
      ],
    },
    { is: "finish" },
  ];
}

describe("in a history of what server code changes", () => {
  const places = (log: Happening[], id: string) =>
    log.flatMap((event) => event.is === "document done" && event.id === id ? [event] : []);
  const move = (log: Happening[], id: string, ...offsets: number[]): void =>
    places(log, id).forEach((event, n) => Object.assign(event, { position: at(offsets[n]!) }));
  const page = (log: Happening[]) => log.find((event) => event.is === "documents") as Documents;
  const named = (log: Happening[], index: number, names: object): void => {
    Object.assign(page(log).documents[index]!, { named: { by: undefined, editedBy: undefined, ...names } });
  };

  it("nothing is found where all went right", () => assertEquals(rules(cleanServer()), []));

  /** The stream is lost, another message is published in its place, and a piece comes that names the first. */
  const inOtherLife = (log: Happening[], isBare: boolean): void => {
    const position = { ...at(1), epoch: "F" };
    const line = { is: "document", client: "server" } as const;
    log.splice(
      -1,
      0,
      { ...line, id: "6", what: "publish" },
      { ...line, id: "5", what: "append", target: at(1), mayChange: true, isBare },
      { is: "document done", id: "6", position },
      { is: "document done", id: "5", position: { ...position, offset: 2 } },
      {
        ...{ is: "documents", client: "cy", position: { ...position, offset: 2 } },
        documents: [{ offset: 1, text: "<6><5>", reactions: {} }],
      },
    );
  };

  it("what names an offset alone is of the stream that is there", () => {
    const log = cleanServer();
    inOtherLife(log, true);
    assertEquals(rules(log), []);
    const last = log.findLast((event) => event.is === "documents") as Documents;
    Object.assign(last.documents[0]!, { text: "<6>" });
    assert(rules(log).includes("documents"), "it is not in it");
  });

  const bugs: Record<string, (log: Happening[]) => void> = {
    "a change of another's that is not the server's": (log) => {
      Object.assign(log.find((event) => event.is === "document" && event.id === "2")!, { mayChange: false });
    },
    "one key that lands twice": (log) => move(log, "2", 2, 5),
    "what was done first and lands last": (log) => {
      move(log, "2", 3, 3);
      move(log, "3", 2);
    },
    "what lands before what was acknowledged when it was done": (log) => move(log, "4", 3),
    "a publication that is there twice": (log) => {
      (page(log).documents as object[]).push({ offset: 5, text: "<4>", reactions: {} });
    },
    "a publication that is missing": (log) => void (page(log).documents as object[]).pop(),
    "a name that nobody gave": (log) => named(log, 1, { by: "ada" }),
    "a change in a name that is lost": (log) => named(log, 0, {}),
    "a change of a message of another life": (log) => inOtherLife(log, false),
  };
  for (const [name, bug] of Object.entries(bugs)) {
    it(`${name} is found`, () => {
      const log = cleanServer();
      bug(log);
      assert(rules(log).includes("documents"));
    });
  }
});

describe("a bug in the core", () => {
  it("of a deletion that takes nothing away is found", async () => {
    const bug = (add: MessageBook["add"]): MessageBook["add"] =>
      function (this: MessageBook, entry, reactions) {
        if (entry.change!.kind !== "delete") add.call(this, entry, reactions);
      };
    assert(await isFound(MessageBook.prototype, "add", bug));
  });

  it("of a piece that lands twice is found", async () => {
    const bug = (add: Rollup<unknown>["add"]): Rollup<unknown>["add"] =>
      function (this: Rollup<unknown>, key, piece, send) {
        return add.call(this, key, piece, (data) => (void send(data).catch(() => {}), send(data)));
      };
    assert(await isFound(Rollup.prototype, "add", bug));
  });

  it("of pieces that wait for ever is found", async () => {
    assert(await isFound(Rollup.prototype, "flush", () => () => {}));
  });

  it("of a reaction that counts again when it is sent again is found", async () => {
    const bug = (add: ReactionState["add"]): ReactionState["add"] =>
      function (this: ReactionState, reaction, counting) {
        return add.call(this, { ...reaction, producer: undefined }, counting);
      };
    assert(await isFound(ReactionState.prototype, "add", bug, 500)); // one seed in three hundred shows it
  });

  it("of a client that passes over edits is found", async () => {
    const bug = (message: LocalSubscription["message"]): LocalSubscription["message"] =>
      function (this: LocalSubscription, position, data) {
        if (data.change?.kind === "edit") this.skip(position);
        else message.call(this, position, data);
      };
    assert(await isFound(LocalSubscription.prototype, "message", bug));
  });

  it("of a server whose changes pass its pieces that wait is found", async () => {
    assert(await isFound(ServerChanges.prototype, "flush", () => () => {}));
  });

  it("of a server that knows no keys is found", async () => {
    assert(await isFound(NodeChannels.prototype, "append", appendedBy(() => ({ producer: undefined }))));
  });

  it("of a server that does not ask for the life of the stream is found", async () => {
    const bug = appendedBy(({ change }) => ({ change: change && { ...change, epoch: undefined } }));
    assert(await isFound(NodeChannels.prototype, "append", bug, 320)); // one seed in three hundred shows it
  });

  it("of a server that says nobody's name is found", async () => {
    assert(await isFound(NodeChannels.prototype, "append", appendedBy(() => ({ by: "n" }))));
  });
});

/** Changes what server code appends to messages that change, but for reactions. */
function appendedBy(change: (given: AppendedBy) => Partial<AppendedBy>) {
  return (append: NodeChannels["append"]): NodeChannels["append"] =>
    function (this: NodeChannels, channel, encoded, given = {}) {
      const isServer = given.producer === undefined || given.producer.id.startsWith('["server"');
      const isOther = isServer && given.by !== undefined && given.change?.kind !== "react";
      return append.call(this, channel, encoded, isOther ? { ...given, ...change(given) } : given);
    };
}
