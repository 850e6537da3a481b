import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Position } from "../rpc/broker.ts";
import { RULES } from "../testing/anomaly.ts";
import { check } from "../testing/checker.ts";
import { line, type LogEvent } from "../testing/log.ts";
import { CleanHistory } from "./suites/clean_history.ts";
import { CONFLATION_BUGS, replaced } from "./suites/conflation_bugs.ts";
import { FILTER_BUGS, filtered } from "./suites/filter_bugs.ts";
import { type Line, Mutant, type SeededBug } from "./suites/mutant.ts";
import { DOCUMENT_BUGS } from "./suites/document_bugs.ts";
import { conflated, POLICY_BUGS } from "./suites/policy_bugs.ts";
import { cleanGathering, MEMBER_BUGS } from "./suites/member_bugs.ts";
import { cleanMeeting, lateMeeting, PRESENCE_BUGS } from "./suites/presence_bugs.ts";
import { SESSION_BUGS } from "./suites/session_bugs.ts";
import { WILDCARD_BUGS } from "./suites/wildcard_bugs.ts";

/** One bug for each rule, and a second where the rule has two sides. */
const BUGS: readonly SeededBug[] = [
  ...SESSION_BUGS,
  ...DOCUMENT_BUGS,
  ...FILTER_BUGS,
  ...CONFLATION_BUGS,
  ...POLICY_BUGS,
  ...PRESENCE_BUGS,
  ...MEMBER_BUGS,
  ...WILDCARD_BUGS,
  ["agreement", "a subscriber sees another value at a position", (mutant) => {
    const other = mutant.find("publish");
    const at = mutant.find("message", ({ value }) => value !== mutant.get("publish", other).value);
    mutant.change("message", at, { value: mutant.get("publish", other).value });
  }],
  ["agreement", "an offset is given twice, and nothing was lost", (mutant) => {
    const at = mutant.find("append");
    const { position, value } = mutant.get("append", at);
    mutant.repeat(at, {
      position: { ...position, fingerprint: position.fingerprint ^ 1 },
      value: `${value}, another`,
    });
  }],
  ["phantom", "a value that nobody published", (mutant) => {
    mutant.change("message", mutant.find("message"), { value: "nobody's" });
  }],
  ["phantom", "what was refused is received all the same", (mutant) => {
    const at = mutant.find(
      "published",
      ({ producer, channel, number }) =>
        mutant.log.some((event) =>
          event.is === "message" && event.value === `${producer}-${channel}-${number}`
        ),
    );
    const { position: _, ...published } = mutant.get("published", at);
    mutant.log[at] = { ...published, is: "publish refused", code: "FORBIDDEN" };
  }],
  ["phantom", "a signal that nobody sent", (mutant) => {
    const { client, channel } = mutant.get("join", mutant.find("join"));
    mutant.insert(9, { at: 0, is: "signalled", client, channel, value: "nobody's" });
  }],
  ["phantom", "a signal that comes back to who sent it", (mutant) => {
    const { client, channel } = mutant.get("join", mutant.find("join"));
    const signal = { at: 0, client, channel, value: "one" } as const;
    mutant.log.push({ ...signal, is: "signal" }, { ...signal, is: "signalled" });
  }],
  ["phantom", "a signal that comes twice", (mutant) => {
    const { client, channel } = mutant.get("join", mutant.find("join"));
    const signalled = { at: 0, is: "signalled", client, channel, value: "one" } as const;
    mutant.log.push({ at: 0, is: "signal", client: "somebody", channel, value: "one" }, signalled, {
      ...signalled,
    });
  }],
  ["append once", "a retry is appended again", (mutant) => {
    const at = mutant.find("append");
    const { position } = mutant.get("append", at);
    const again = { ...position, offset: position.offset + 1, fingerprint: 77 };
    mutant.repeat(at, { position: again, previous: position.fingerprint });
  }],
  ["real-time order", "what came later is put before", (mutant) => {
    // As if the last one had been acknowledged before the one at its offset was published.
    const at = mutant.find("published");
    const { channel, position } = mutant.get("published", at);
    const append = mutant.find("append", (event) => event.position.fingerprint === position.fingerprint);
    const { value } = mutant.get("append", append);
    const published = mutant.log.splice(at, 1)[0]!;
    mutant.log.splice(append, 1, mutant.log[append]!, published);
    const publish = mutant.find("publish", (event) => event.value === value && event.channel === channel);
    const [late] = mutant.log.splice(publish, 1);
    mutant.insert(mutant.log.indexOf(published) + 1, late!);
  }],
  ["producer order", "two of one producer change places", (mutant) => {
    const before = (value: string, at: number): number =>
      mutant.log.findLastIndex((event, index) =>
        index < at && event.is === "append" && event.value.startsWith(value.replace(/\d+$/, ""))
      );
    const second = mutant.find("append", ({ value }, at) => {
      const first = before(value, at);
      const between = mutant.log.slice(first, at);
      return first >= 0 && !between.some(({ is }) => is === "rollback" || is === "stream lost");
    });
    const { value } = mutant.get("append", second);
    const first = before(value, second);
    const other = mutant.get("append", first).value;
    for (const event of mutant.log) {
      if (event.is !== "append" && event.is !== "message") continue;
      const swapped = event.value === value ? other : event.value === other ? value : event.value;
      Object.assign(event, { value: swapped });
    }
    const [publish] = mutant.log.splice(mutant.find("publish", (event) => event.value === value), 1);
    mutant.insert(first, publish!);
  }],
  ["contiguity", "one is not delivered", (mutant) => mutant.remove(mutant.followed())],
  ["contiguity", "one is delivered twice", (mutant) => mutant.repeat(mutant.find("message"))],
  ["contiguity", "two change places", (mutant) => {
    const at = mutant.followed();
    const next = mutant.next(at);
    [mutant.log[at], mutant.log[next]] = [mutant.log[next]!, mutant.log[at]!];
  }],
  ["contiguity", "another past with the same offsets", (mutant) => {
    const at = mutant.followed();
    const { position } = mutant.get("message", at);
    for (const event of mutant.log) {
      if (event.is !== "message" || event.position.fingerprint !== position.fingerprint) continue;
      Object.assign(event, { position: { ...position, fingerprint: position.fingerprint ^ 1 } });
    }
  }],
  ["lost acknowledgement", "acknowledged, and another one is there", (mutant) => {
    const { position } = mutant.get("message", mutant.find("message"));
    const same = (event: Line<"published">): boolean => event.position.fingerprint === position.fingerprint;
    const at = mutant.log.some((event) => event.is === "published" && same(event))
      ? mutant.find("published", same)
      : mutant.find(
        "published",
        ({ channel }, at) =>
          mutant.log.slice(at).some((event) => event.is === "message" && event.sub.endsWith(channel)),
      );
    const { position: told } = mutant.get("published", at);
    mutant.change("published", at, { position: { ...told, fingerprint: told.fingerprint ^ 1 } });
  }],
  ["honest flag", "recovered on another past", (mutant) => {
    const at = mutant.find("joined", ({ status }) => status === "reset");
    const { client, channel } = mutant.get("joined", at);
    const join = mutant.find(
      "join",
      (event, index) => index < at && event.client === client && event.channel === channel,
    );
    mutant.change("joined", at, { status: "recovered", position: mutant.get("join", join).from! });
  }],
  ["honest flag", "the program is not told of a reset", (mutant) => mutant.remove(mutant.find("reset"))],
  ["honest flag", "a reset without need", (mutant) => {
    const at = mutant.find("joined", ({ status }) => status === "recovered");
    mutant.change("joined", at, { status: "reset" });
  }],
  ["honest flag", "a reset that nobody told", (mutant) => {
    const at = mutant.followed();
    const { sub, position } = mutant.get("message", at);
    mutant.insert(at + 1, { at: 0, is: "reset", sub, position, reason: "mood" });
  }],
  ["liveness", "a subscription stays behind", (mutant) => {
    const at = mutant.find("message");
    const { sub, position } = mutant.get("message", at);
    mutant.log.splice(
      0,
      Infinity,
      ...mutant.log.filter((event) =>
        !(event.is === "message" && event.sub === sub && event.position.offset >= position.offset - 1)
      ),
    );
  }],
  ["liveness", "a publisher hears nothing", (mutant) => mutant.remove(mutant.find("published"))],
  ["authorisation", "sent to somebody who was shut out", (mutant) => {
    const { client, channel, at } = mutant.get("revoke", mutant.find("revoke"));
    mutant.insert(mutant.find("finish"), { is: "deliver", client, channel, at: at + 1_500 });
  }],
  ["authorisation", "somebody is sent away who was not shut out", (mutant) => {
    const [client, channel, sub, at] = ["c99", "room/1", "c99/1", mutant.find("finish")];
    mutant.insert(at, { is: "unsubscribed", sub, code: "NOT_FOUND", at: 0 });
    mutant.insert(at, { is: "subscribe", client, channel, sub, from: undefined, at: 0 });
  }],
  ["ends once", "a call that never ends", (mutant) => mutant.remove(mutant.find("end"))],
  ["ends once", "a call that ends twice", (mutant) => mutant.repeat(mutant.find("end"))],
  ["value ran once", "an answer without a run", (mutant) => {
    const { call } = mutant.get("end", mutant.find("end", ({ answered }) => answered));
    mutant.remove(mutant.find("run", ({ work }) => work === call));
  }],
  ["value ran once", "the answer of another call", (mutant) => {
    mutant.change("end", mutant.find("end", ({ answered }) => answered), { execution: -1 });
  }],
  ["honest failure", "failed for sure, and it ran", (mutant) => {
    const at = mutant.find("end", ({ ambiguous }) => ambiguous === false);
    mutant.insert(at, { at: 0, is: "run", work: mutant.get("end", at).call, execution: -2 });
  }],
  ["runs once", "run again after a resume", (mutant) => {
    mutant.repeat(mutant.find("run"), { execution: -3 });
  }],
  ["runs once", "run again although it has a key", (mutant) => {
    const { call } = mutant.get(
      "call",
      mutant.find(
        "call",
        ({ key, call }) =>
          key !== undefined && mutant.log.some((event) => event.is === "run" && event.work === call),
      ),
    );
    mutant.repeat(mutant.find("run", ({ work }) => work === call), { execution: -4 });
  }],
  ["stream items", "an item is lost", (mutant) => mutant.remove(mutant.find("item", ({ n }) => n === 0))],
  ["stream items", "the last item is lost", (mutant) => mutant.remove(mutant.find("item"))],
  ["stream items", "an item comes twice", (mutant) => mutant.repeat(mutant.find("item"))],
  ["stream items", "an end before the end", (mutant) => {
    mutant.change("sent", mutant.find("sent"), { count: 1_000 });
  }],
  ["nothing escapes", "a handler throws", (mutant) => {
    mutant.insert(9, { at: 0, is: "escaped", error: "TypeError" });
  }],
];

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

/** A subscription that begins in an empty channel. */
function beginning(
  { client, channel, sub, filter }: Record<"client" | "channel" | "sub", string> & {
    filter: readonly string[] | undefined;
  },
  position: Position,
): LogEvent[] {
  return [
    { at: 0, is: "retention", channel, messages: 100, ms: 1_000_000 },
    { at: 0, is: "subscribe", client, channel, sub, from: undefined, filter },
    { at: 0, is: "join", client, channel, ask: "1", from: undefined },
    { at: 0, is: "joined", client, channel, ask: "1", status: "fresh", position },
    { at: 0, is: "subscribed", sub, position },
  ];
}

describe("check() on histories in which nothing is wrong", () => {
  it("finds nothing", () => {
    for (const seed of SEEDS) {
      const { log } = new CleanHistory(seed);
      const found = check(log).map((anomaly) => ({ ...anomaly, seed, event: line(log[anomaly.line]!) }));
      assertEquals(found, []);
    }
  });

  it("in which everything happens", () => {
    const kinds = new Set(SEEDS.flatMap((seed) => new CleanHistory(seed).log.map(({ is }) => is)));
    for (
      const kind of [
        "reset",
        "gap",
        "rollback",
        "trim",
        "stream lost",
        "revoke",
        "publish unknown",
        "page",
        "looked",
        "seen",
      ] as const
    ) {
      assertEquals(kinds.has(kind), true, kind);
    }
  });
});

describe("check() on what only looks wrong", () => {
  it("takes no reset for needless that was decided before a fail-over shortened the path", () => {
    const place = (offset: number) => ({ epoch: "one", offset, fingerprint: offset });
    const [client, channel] = ["ada", "red"];
    const log: LogEvent[] = [{ at: 0, is: "retention", channel, messages: 3, ms: 1_000 }];
    for (let offset = 1; offset <= 5; offset++) {
      const value = `bob-red-${offset}`;
      log.push({ at: 1, is: "publish", channel, producer: "bob", number: offset, value });
      log.push({ at: 1, is: "append", channel, position: place(offset), previous: offset - 1, value });
    }
    const joined = { at: 3, is: "joined", client, channel, status: "reset", position: place(5) } as const;
    log.push({ at: 2, is: "join", client, channel, from: place(1) });
    const rollback = { at: 3, is: "rollback", channel, epoch: "one", top: 2 } as const;
    assertEquals(check([...log, joined]), []);
    assertEquals(check([...log, rollback, joined]), []);
    assertEquals(
      check([...log.slice(0, -1), rollback, { ...rollback, at: 3, is: "told" }, {
        ...log.at(-1)!,
        at: 4,
      }, { ...joined, position: place(2), at: 5 }]).map(({ rule }) => rule),
      ["honest flag"],
    );
  });

  it("holds the reset of another subscription against none that goes on from where it was told to begin", () => {
    const place = (offset: number, past = 0) => ({ epoch: "one", offset, fingerprint: offset + past });
    const [client, channel] = ["ada", "red"];
    const entry = (offset: number, past: number): LogEvent[] => {
      const value = `bob-red-${offset + past}`;
      const position = place(offset, past);
      return [
        { at: 1, is: "publish", channel, producer: "bob", number: offset + past, value },
        { at: 1, is: "append", channel, position, previous: offset === 1 ? 0 : offset + past - 1, value },
      ];
    };
    const asks = (number: number, from: ReturnType<typeof place>): LogEvent => {
      return { at: 3, is: "join", client, channel, ask: `ada/${number}`, from };
    };
    const told = (
      number: number,
      status: "reset" | "recovered",
      position: ReturnType<typeof place>,
    ): LogEvent => {
      return { at: 3, is: "joined", client, channel, ask: `ada/${number}`, status, position };
    };
    const reset = (sub: string, position: ReturnType<typeof place>): LogEvent => {
      return { at: 3, is: "reset", sub, position, reason: "history" };
    };
    const before: LogEvent[] = [
      { at: 0, is: "retention", channel, messages: 1, ms: 1_000 },
      ...[1, 2, 3].flatMap((offset) => entry(offset, 0)),
      { at: 2, is: "subscribe", client, channel, sub: "slow", from: place(3) },
      { at: 2, is: "rollback", channel, epoch: "one", top: 0 },
      { at: 2, is: "told" },
      ...[1, 2, 3].flatMap((offset) => entry(offset, 10)),
      { at: 3, is: "subscribe", client, channel, sub: "quick", from: place(1, 10) },
      asks(1, place(3)),
      told(1, "reset", place(2, 10)), // it stands behind what the slow one has still to handle
      asks(2, place(1, 10)),
      told(2, "reset", place(3, 10)),
      reset("quick", place(3, 10)),
      asks(3, place(2, 10)),
      told(3, "recovered", place(2, 10)),
    ];
    const after: LogEvent = {
      at: 4,
      is: "message",
      sub: "slow",
      position: place(3, 10),
      value: "bob-red-13",
    };
    assertEquals(check([...before, reset("slow", place(2, 10)), after]), []);
    const found = check(before).map(({ rule, what }) => [rule, what]);
    assertEquals(found, [["honest flag", "slow on red: the reset to one:2:c was never told"]]);
  });

  it("takes the reset to a later place for all that were told before, of a subscription that was given up meanwhile", () => {
    const place = (epoch: string, offset: number) => ({ epoch, offset, fingerprint: offset });
    const [client, channel] = ["ada", "red"];
    const told = (ask: string, position: ReturnType<typeof place>): LogEvent => {
      return { at: 2, is: "joined", client, channel, ask, status: "reset", position };
    };
    const before: LogEvent[] = [
      { at: 0, is: "retention", channel, messages: 3, ms: 1_000 },
      { at: 0, is: "subscribe", client, channel, sub: "one", from: place("old", 0) },
      { at: 1, is: "join", client, channel, ask: "ada/1", from: place("old", 0) },
      { at: 1, is: "stream lost", channel },
      { at: 1, is: "told" },
      { at: 2, is: "publish", channel, producer: "bob", number: 1, value: "bob-red-1" },
      { at: 2, is: "append", channel, position: place("new", 1), previous: 0, value: "bob-red-1" },
      told("ada/1", place("between", 0)),
      told("ada/1", place("new", 0)),
      { at: 2, is: "join", client, channel, ask: "ada/2", from: place("old", 0) },
      told("ada/2", place("new", 1)),
    ];
    const reset: LogEvent = { at: 2, is: "reset", sub: "one", position: place("new", 1), reason: "epoch" };
    assertEquals(check([...before, reset]), []);
    assertEquals(check(before).map(({ rule }) => rule), ["honest flag"]);
  });

  it("takes a reset for one that is told where another begins beside it, which sees that its place is gone", () => {
    const place = (offset: number, fingerprint = offset) => ({ epoch: "one", offset, fingerprint });
    const [client, channel] = ["ada", "red"];
    const entry = (fingerprint: number): LogEvent[] => {
      const value = `bob-red-${fingerprint}`;
      return [
        { at: 1, is: "publish", channel, producer: "bob", number: fingerprint, value },
        { at: 1, is: "append", channel, position: place(1, fingerprint), previous: 0, value },
      ];
    };
    const before: LogEvent[] = [
      { at: 0, is: "retention", channel, messages: 100, ms: 1_000 },
      { at: 0, is: "subscribe", client, channel, sub: "one", from: place(0) },
      { at: 0, is: "join", client, channel, ask: "ada/1", from: undefined },
      { at: 0, is: "joined", client, channel, ask: "ada/1", status: "fresh", position: place(0) },
      ...entry(1),
      { at: 1, is: "message", sub: "one", position: place(1), value: "bob-red-1" },
      { at: 2, is: "rollback", channel, epoch: "one", top: 0 },
      { at: 2, is: "told" },
      ...entry(11),
    ];
    const begins: LogEvent[] = [
      { at: 3, is: "join", client, channel, ask: "ada/2", from: undefined },
      { at: 3, is: "joined", client, channel, ask: "ada/2", status: "fresh", position: place(0) },
    ];
    const reset: LogEvent = { at: 3, is: "reset", sub: "one", position: place(1, 11), reason: "history" };
    assertEquals(check([...before, ...begins, reset]), []);
    assertEquals(check([...before, reset]).map(({ rule }) => rule), ["honest flag"]);
    // The node goes back to what was lost, since it knows no better, and then comes to where that one had seen that it was.
    const told = [place(1), place(1, 11)].map((position): LogEvent => {
      return { at: 3, is: "joined", client, channel, ask: "ada/2", status: "reset", position };
    });
    const back = { ...reset, position: place(1) };
    assertEquals(check([...before, ...begins, ...told, reset, back, reset]), []);
    const rules = (...resets: LogEvent[]) =>
      check([...before, ...begins, ...told, ...resets]).map(({ rule }) => rule);
    assertEquals(rules(reset, back, reset, reset), ["honest flag"]);
  });

  it("takes what a client was told before one of a wildcard began for what that one is told behind its beginning", () => {
    const place = (epoch: string, offset: number) => ({ epoch, offset, fingerprint: offset });
    const [client, channel, wild] = ["ada", "red", "ada*1"];
    const log = (...told: LogEvent[]): LogEvent[] => [
      { at: 0, is: "retention", channel, messages: 100, ms: 1_000 },
      { at: 0, is: "publish", channel, producer: "bob", number: 1, value: "bob-red-1" },
      { at: 0, is: "append", channel, position: place("old", 1), previous: 0, value: "bob-red-1" },
      { at: 0, is: "join", client, channel, ask: "ada/1", from: undefined },
      { at: 0, is: "joined", client, channel, ask: "ada/1", status: "fresh", position: place("old", 1) },
      { at: 1, is: "stream lost", channel },
      { at: 1, is: "told" },
      ...told,
      { at: 3, is: "subscribe", client, channel, sub: "one", wild, from: undefined },
      { at: 3, is: "reset", sub: "one", position: place("old", 1), reason: "history" },
      { at: 3, is: "reset", sub: "one", position: place("new", 0), reason: "epoch" },
    ];
    const position = place("new", 0);
    const told: LogEvent = { at: 2, is: "joined", client, channel, ask: "ada/1", status: "reset", position };
    const flags = (found: ReturnType<typeof check>) => found.filter(({ rule }) => rule === "honest flag");
    assertEquals(flags(check(log(told))), []);
    assertEquals(flags(check(log())).length, 1);
  });

  it("takes SEEN for what it was when it was sent: the subscription that was done with it may have ended since", () => {
    const place = (offset: number) => ({ epoch: "one", offset, fingerprint: offset });
    const [client, channel] = ["ada", "red"];
    const log: LogEvent[] = [
      { at: 0, is: "retention", channel, messages: 100, ms: 1_000 },
      ...["quick", "slow"].map((sub): LogEvent => ({
        at: 0,
        is: "subscribe",
        client,
        channel,
        sub,
        from: place(0),
      })),
      { at: 0, is: "joined", client, channel, status: "fresh", position: place(0) },
    ];
    for (let offset = 1; offset <= 5; offset++) {
      const value = `bob-red-${offset}`;
      log.push({ at: 1, is: "publish", channel, producer: "bob", number: offset, value });
      log.push({ at: 1, is: "append", channel, position: place(offset), previous: offset - 1, value });
      log.push({ at: 1, is: "message", sub: "quick", position: place(offset), value });
    }
    log.push({ at: 1, is: "message", sub: "slow", position: place(1), value: "bob-red-1" });
    log.push({ at: 2, is: "unsubscribed", sub: "quick" });
    const seen = (at: number): LogEvent => ({ at, is: "seen", client, channel, offset: 5 });
    assertEquals(check([...log, seen(15_000)]), []);
    assertEquals(check([...log, seen(90_000)]).map(({ rule }) => rule), ["flow control"]);
  });

  it("waits for SEEN of what was given just before the end as long as it may be on its way", () => {
    const place = (offset: number) => ({ epoch: "one", offset, fingerprint: offset });
    const [client, channel, value] = ["ada", "red", "bob-red-1"];
    const log: LogEvent[] = [
      { at: 0, is: "retention", channel, messages: 100, ms: 1_000_000 },
      { at: 0, is: "subscribe", client, channel, sub: "one", from: place(0) },
      { at: 0, is: "joined", client, channel, status: "fresh", position: place(0) },
      { at: 1, is: "calm" },
      { at: 2, is: "publish", channel, producer: "bob", number: 1, value },
      { at: 2, is: "append", channel, position: place(1), previous: 0, value },
      { at: 2, is: "published", channel, producer: "bob", number: 1, position: place(1) },
      { at: 2, is: "message", sub: "one", position: place(1), value },
    ];
    assertEquals(check([...log, { at: 2_300, is: "finish" }]), []);
    assertEquals(check([...log, { at: 90_000, is: "finish" }]).map(({ rule }) => rule), ["flow control"]);
  });

  it("asks for no session in what arrives late, of a connection that its client has given up", () => {
    const hello = (
      number: number,
      name: { session: string } | { opening: string },
      at: number,
    ): LogEvent => ({
      is: "hello",
      client: "c0",
      connection: `c0/${number}`,
      ...name,
      at,
    });
    const log: LogEvent[] = [
      hello(2, { session: "a" }, 1),
      { is: "welcome", client: "c0", connection: "c0/2", session: "b", resumed: false, window: 500, at: 1 },
      { is: "welcomed", client: "c0", connection: "c0/2", resumed: false, at: 2 },
    ];
    assertEquals(check([...log, hello(1, { opening: "a" }, 3)]), []);
    assertEquals(check([...log, hello(3, { opening: "c" }, 3)]).map(({ rule }) => rule), ["kept session"]);
  });

  it("counts a session among those that wait though its WELCOME was never sent", () => {
    const [window, at] = [120_000, 5];
    const log = (room: number, opens: boolean): LogEvent[] => [
      { at: 0, is: "room", sessions: room },
      { at: 1, is: "hello", client: "c0", connection: "c0/1", opening: "a" },
      { at: 1, is: "welcome", client: "c0", connection: "c0/1", session: "b", resumed: false, window },
      { at: 2, is: "welcomed", client: "c0", connection: "c0/1", resumed: false },
      ...(opens ? [{ at: 5, is: "hello", client: "c1", connection: "c1/1", opening: "d" } as const] : []),
      { at, is: "left", client: "c0", connection: "c0/1", code: 1006 },
      { at, is: "left", client: "c1", connection: "c1/1", code: 4500 },
      { at: 6, is: "hello", client: "c0", connection: "c0/2", session: "b" },
      { at: 6, is: "welcome", client: "c0", connection: "c0/2", session: "e", resumed: false, window },
    ];
    const found = (log: readonly LogEvent[]) => check(log).map(({ rule }) => rule);
    assertEquals(found(log(1, true)), []);
    assertEquals([found(log(2, true)), found(log(1, false))], [["kept session"], ["kept session"]]);
  });

  it("lets who has passed over something that was lost see by itself that it is gone", () => {
    const [client, channel, epoch] = ["c1", "red", "one"];
    const place = (offset: number, fingerprint: number) => ({ epoch, offset, fingerprint });
    const log = (filter?: readonly string[]): LogEvent[] => [
      ...beginning({ client, channel, sub: "a", filter }, place(0, 0)),
      { at: 3, is: "publish", channel, producer: "p", number: 1, value: "x", tag: "b" },
      { at: 3, is: "append", channel, position: place(1, 7), previous: 0, value: "x" },
      { at: 4, is: "rollback", channel, epoch, top: 0 },
      { at: 5, is: "told" },
      { at: 5, is: "subscribe", client, channel, sub: "b", from: undefined },
      { at: 5, is: "join", client, channel, ask: "2", from: undefined },
      { at: 6, is: "joined", client, channel, ask: "2", status: "fresh", position: place(0, 0) },
      { at: 6, is: "subscribed", sub: "b", position: place(0, 0) },
      { at: 7, is: "publish", channel, producer: "p", number: 2, value: "y", tag: "b" },
      { at: 7, is: "append", channel, position: place(1, 8), previous: 0, value: "y" },
      { at: 8, is: "message", sub: "b", position: place(1, 8), value: "y" },
      { at: 8, is: "reset", sub: "a", position: place(1, 8), reason: "history" },
    ];
    assertEquals(check(log(["none"])), []);
    assertEquals(check(log()).map(({ rule }) => rule), ["honest flag"]);
  });

  it("takes what is done with a bare offset for done in the life in which it has landed, whoever heard of that first", () => {
    const [epoch, fingerprint] = ["two", 9];
    const deletion = {
      at: 2,
      is: "document",
      client: "server",
      id: "d",
      what: "delete",
      mayChange: true,
    } as const;
    const log = (isBare: boolean): LogEvent[] => [
      { at: 1, is: "document", client: "c1", id: "p", what: "publish" },
      { ...deletion, target: { epoch: isBare ? "one" : epoch, offset: 1 }, isBare },
      { at: 3, is: "document done", id: "d", position: { epoch, offset: 2, fingerprint } },
      { at: 4, is: "document done", id: "p", position: { epoch, offset: 1, fingerprint } },
      {
        ...{ at: 5, is: "documents", client: "c1", position: { epoch, offset: 2, fingerprint } },
        documents: [{ offset: 1, text: undefined, reactions: {} }],
      },
    ];
    assertEquals([check(log(true)), check(log(false))], [[], []]);
  });

  it("does not take a node for told of what was lost when it was on its way to be told of something else", () => {
    const [client, channel] = ["c1", "red"];
    const place = { epoch: "one", offset: 1, fingerprint: 7 };
    const log = (since: number): LogEvent[] => [
      { at: 0, is: "retention", channel, messages: 100, ms: 1_000_000 },
      { at: 1, is: "subscribe", client, channel, sub: "a", from: place },
      { at: 1, is: "publish", channel, producer: "p", number: 1, value: "x" },
      { at: 1, is: "append", channel, position: place, previous: 0, value: "x" },
      { at: 4, is: "stream lost", channel },
      { at: 5, is: "told", since },
      { at: 6, is: "join", client, channel, ask: "1", from: place },
      { at: 7, is: "joined", client, channel, ask: "1", status: "recovered", position: place },
    ];
    assertEquals([check(log(3)), check(log(4)).map(({ rule }) => rule)], [[], ["honest flag"]]);
  });

  it("takes SEEN for one of the past that was lost while it was on its way, of which a filter has passed over all", () => {
    const [client, channel] = ["c1", "red"];
    const place = (offset: number, fingerprint: number) => ({ epoch: "one", offset, fingerprint });
    const published = (number: number, offset: number, tag: string): LogEvent[] => [
      { at: number, is: "publish", channel, producer: "p", number, value: `p-${number}`, tag },
      {
        at: number,
        is: "append",
        channel,
        position: place(offset, number),
        previous: 0,
        value: `p-${number}`,
      },
    ];
    const log = (filter?: readonly string[]): LogEvent[] => [
      ...beginning({ client, channel, sub: "a", filter }, place(0, 0)),
      ...published(1, 1, "b"),
      { at: 2, is: "rollback", channel, epoch: "one", top: 0 },
      ...published(3, 1, "a"),
      { at: 4, is: "seen", client, channel, offset: 1 },
    ];
    assertEquals([check(log(["a"])), check(log()).map(({ rule }) => rule)], [[], ["flow control"]]);
  });
});

describe("check() on a server that stands still", () => {
  const [client, channel] = ["ada", "red"];
  const revoke: LogEvent = { at: 5_000, is: "revoke", client, channel };
  const still = (at: number): LogEvent => {
    return { at, is: "fault", what: "the server stands still", still: 15_000 };
  };
  const rulesOf = (log: LogEvent[]) => check(log).map(({ rule }) => rule);

  for (const [is, rule] of [["deliver", "authorisation"], ["matched", "wildcard"]] as const) {
    const sent = (at: number): LogEvent => ({ at, is, client, channel });

    it(`blames it for no "${is}" that was due before it could know who was shut out`, () => {
      assertEquals(rulesOf([still(1_000), revoke, sent(16_000)]), []);
      assertEquals(rulesOf([still(1_000), revoke, sent(16_900)]), []);
      assertEquals(rulesOf([revoke, still(5_500), sent(20_900)]), []);
      assertEquals(rulesOf([still(1_000), revoke, still(16_500), sent(31_900)]), []);
    });

    it(`counts a "${is}" by the time in which it ran: finds by "${rule}" what comes later`, () => {
      assertEquals(rulesOf([still(1_000), revoke, sent(17_100)]), [rule]);
      assertEquals(rulesOf([revoke, still(5_500), sent(21_100)]), [rule]);
      assertEquals(rulesOf([revoke, still(6_500), sent(21_500)]), [rule]);
      assertEquals(rulesOf([still(1_000), { ...revoke, at: 16_000 }, sent(17_100)]), [rule]);
      assertEquals(rulesOf([still(1_000), revoke, still(16_500), sent(32_100)]), [rule]);
    });
  }
});

describe("check() on a history of which only a part is wanted", () => {
  it("finds nothing", () => {
    for (const seed of SEEDS) {
      const mutant = new Mutant(seed);
      filtered(mutant);
      assertEquals(check(mutant.log).map(({ rule, what }) => `${rule}: ${what}`), []);
    }
  });
});

describe("check() on a history in which something was left out for who is slow", () => {
  it("finds nothing", () => {
    for (const seed of SEEDS) {
      const mutant = new Mutant(seed);
      conflated(mutant);
      assertEquals(check(mutant.log).map(({ rule, what }) => `${rule}: ${what}`), []);
    }
  });
});

describe("check() on a history in which one was replaced before it was sent", () => {
  it("finds nothing", () => {
    for (const seed of SEEDS) {
      const mutant = new Mutant(seed);
      replaced(mutant);
      assertEquals(check(mutant.log).map(({ rule, what }) => `${rule}: ${what}`), []);
    }
  });
});

describe("check() on one bug", () => {
  for (const [rule, bug, make] of BUGS) {
    it(`finds by "${rule}": ${bug}`, () => {
      for (const seed of SEEDS) {
        const mutant = new Mutant(seed);
        make(mutant);
        const rules = new Set(check(mutant.log).map((anomaly) => anomaly.rule));
        assertEquals(rules.has(rule), true, `seed ${seed} gave ${[...rules]}`);
      }
    });
  }

  it("finds nothing in a meeting of members in which nothing is wrong", () => {
    for (const seed of SEEDS) {
      const mutant = new Mutant(seed);
      cleanMeeting(mutant);
      assertEquals(check(mutant.log).filter(({ rule }) => rule === "presence"), []);
    }
  });

  it("finds nothing in a meeting of users with several connections in which nothing is wrong", () => {
    for (const seed of SEEDS) {
      const mutant = new Mutant(seed);
      cleanGathering(mutant);
      assertEquals(check(mutant.log).filter(({ rule }) => rule === "presence"), []);
    }
  });

  it("finds nothing where who wakes late brings along what it had sent before it left", () => {
    for (const seed of SEEDS) {
      const mutant = new Mutant(seed);
      lateMeeting(mutant);
      assertEquals(check(mutant.log).filter(({ rule }) => rule === "presence"), []);
    }
  });

  it("has one for each rule", () => {
    assertEquals(Object.keys(RULES).filter((rule) => !BUGS.some(([name]) => name === rule)), []);
  });
});
