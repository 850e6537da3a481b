/**
 * Bugs of sessions, of pages of histories and of flow control, one thing wrong in a clean history each.
 */
import type { LogEvent } from "../../testing/log.ts";
import type { Mutant, SeededBug } from "./mutant.ts";

type Page = Extract<LogEvent, { is: "page" }>;

/** The last page of which this holds. */
function page(mutant: Mutant, fits: (page: Page) => boolean): Page {
  return mutant.get("page", mutant.find("page", fits));
}

/** Changes what the last page of which `fits` holds says of its ends. */
function tell(mutant: Mutant, fits: (page: Page) => boolean, told: Partial<NonNullable<Page["told"]>>): void {
  const found = page(mutant, fits);
  Object.assign(found, { told: { ...found.told!, ...told } });
}

/** The bugs. */
export const SESSION_BUGS: readonly SeededBug[] = [
  ["kept session", "a session that is kept is not found", (mutant) => {
    mutant.change("welcome", mutant.find("welcome", ({ resumed }) => resumed), { resumed: false });
  }],
  [
    "kept session",
    "the first WELCOME is lost, and what the client called its session is not known",
    (mutant) => {
      const line = { at: 0, client: "dee" } as const;
      const welcome = { ...line, is: "welcome", resumed: false, window: 1_000 } as const;
      mutant.log.push(
        { ...line, is: "hello", connection: "dee/1", opening: "one" },
        { ...welcome, connection: "dee/1", session: "a" },
        { ...line, is: "left", connection: "dee/1", code: 1006 },
        { ...line, is: "hello", connection: "dee/2", session: "one" },
        { ...welcome, connection: "dee/2", session: "b" },
      );
    },
  ],
  ["kept session", "a client does not ask for what it has", (mutant) => {
    const at = mutant.find("hello", ({ session }) => session !== undefined);
    mutant.change("hello", at, { session: undefined, opening: "another" });
  }],
  ["kept session", "a session of nobody is carried on", (mutant) => {
    mutant.change("hello", mutant.find("hello", ({ session }) => session !== undefined), { session: "none" });
  }],
  ["kept session", "a session is carried on after its authentication has ended", (mutant) => {
    const line = { at: 0, client: "dee", window: 60_000 } as const;
    mutant.log.push(
      { ...line, is: "hello", connection: "dee/1" },
      { ...line, is: "welcome", connection: "dee/1", session: "a", resumed: false },
      { ...line, is: "expires", connection: "dee/1", ms: 5_000 },
      { ...line, at: 4_000, is: "left", connection: "dee/1", code: 1006 },
      { ...line, at: 9_000, is: "hello", connection: "dee/2", session: "a" },
      { ...line, at: 9_000, is: "welcome", connection: "dee/2", session: "b", resumed: true },
    );
  }],
  ["key runs on", "broken off with its session", (mutant) => {
    const isAnswered = (work: string): boolean =>
      mutant.log.some((event) => event.is === "end" && event.call === work && event.answered);
    const call = mutant.find("call", ({ key, work }) => key !== undefined && isAnswered(work));
    const { work } = mutant.get("call", call);
    mutant.insert(call + 2, { at: 0, is: "broken off", work, execution: 1 });
  }],
  ["history page", "an entry is left out", (mutant) => {
    const found = page(mutant, ({ entries }) => entries.length > 2);
    Object.assign(found, { entries: found.entries.toSpliced(1, 1) });
  }],
  ["history page", "the first entry is left out", (mutant) => {
    const found = page(mutant, ({ entries, query }) => entries.length > 0 && query!.after !== undefined);
    Object.assign(found, { entries: found.entries.slice(1) });
  }],
  ["history page", "another past at the same offsets", (mutant) => {
    const found = page(mutant, ({ entries }) => entries.length > 2);
    const { position, value } = found.entries[1]!;
    const other = { position: { ...position, fingerprint: position.fingerprint ^ 1 }, value };
    Object.assign(found, { entries: found.entries.with(1, other) });
  }],
  ["history page", "upwards: there is more, and it says no", (mutant) => {
    tell(mutant, ({ query, told }) => query!.after !== undefined && told!.more, { more: false });
  }],
  ["history page", "downwards: there is more, and it says no", (mutant) => {
    tell(mutant, ({ query, told }) => query!.before !== undefined && told!.more, { more: false });
  }],
  ["history page", "there is no more, and it says so", (mutant) => {
    tell(mutant, ({ told }) => !told!.more, { more: true });
  }],
  ["history page", "what is kept is called gone", (mutant) => {
    const channel = "blue";
    const { position: top, value } = mutant.get(
      "append",
      mutant.find("append", (event) => event.channel === channel),
    );
    const entries = [{ position: top, value }];
    const query = { before: top.offset + 1, limit: 1, at: 1e6 };
    mutant.log.push({
      ...{ at: 1e6 + 1, is: "page", client: "ada", channel, entries, query },
      told: { top, oldest: top.offset, more: false },
    });
  }],
  ["flow control", "SEEN of what the program is not done with", (mutant) => {
    const at = mutant.followed(({ sub }) => sub.endsWith("blue"));
    const { sub, position } = mutant.get("message", at);
    const [client, channel] = sub.split("-") as [string, string];
    mutant.insert(at + 1, { at: 0, is: "seen", client, channel, offset: position.offset + 1 });
  }],
  ["flow control", "SEEN never comes", (mutant) => {
    mutant.log.splice(0, Infinity, ...mutant.log.filter(({ is }) => is !== "seen"));
    const finish = mutant.find("finish");
    mutant.log[finish] = { ...mutant.log[finish]!, at: 1e6 };
  }],
  ["flow control", "the server does not wait for SEEN", (mutant) => {
    mutant.log.push({ at: 0, is: "ahead", client: "ada", channel: "red", messages: 1_001, bytes: 0 });
  }],
  ["flow control", "the server does not wait for SEEN of large ones", (mutant) => {
    mutant.log.push({ at: 0, is: "ahead", client: "ada", channel: "red", messages: 6, bytes: 1_100_000 });
  }],
  ["own position", "a position that moves before the handler has returned", (mutant) => {
    const at = mutant.find("looked");
    const { sub } = mutant.get("looked", at);
    const given = mutant.find("message", (event, index) => index < at && event.sub === sub);
    mutant.change("looked", at, { position: mutant.get("message", given).position });
  }],
];
