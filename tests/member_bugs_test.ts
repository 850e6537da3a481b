// Bugs of presence in the core that show where one user has several connections, by what views say of the ones before, and by what server code reads.
import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Presences } from "../client/presences.ts";
import { PresenceState } from "../client/presence_state.ts";
import type { PresenceHandler, PresenceView } from "../client/presence_types.ts";
import { KeyedCalls } from "../rpc/ledger.ts";
import { NodeMembers } from "../rpc/presence_members.ts";
import { originOf } from "../rpc/origin.ts";
import { NodePresence } from "../rpc/node_presence.ts";
import type { PresencePage } from "../rpc/presence_store.ts";
import type { Rule } from "../testing/anomaly.ts";
import { scenarioOf } from "../tools/sim/scenario.ts";
import { runScenario } from "../tools/sim/simulation.ts";

/** Seeds in which several clients are one user, as they are asked for. */
function* sharedOf(count: number): Generator<number> {
  for (let seed = 1; seed <= count; seed++) if (scenarioOf(seed).traits.sharing > 0) yield seed;
}

/** What a rule says of the first of these seeds that shows a bug in it. */
async function told<T extends object, K extends keyof T>(
  where: T,
  method: K,
  bug: (original: T[K]) => T[K],
  { rule = "presence" as Rule, seeds = sharedOf(300) as Iterable<number> } = {},
): Promise<string> {
  const original = where[method];
  where[method] = bug(original);
  try {
    for (const seed of seeds) {
      const { anomalies } = await runScenario(scenarioOf(seed));
      const found = anomalies.filter((anomaly) => anomaly.rule === rule).map(({ what }) => what);
      if (found.length > 0) return found.join("\n");
    }
    return "nothing";
  } finally {
    where[method] = original;
  }
}

/** Gives programs other views than the client makes. */
const showing =
  (change: (view: PresenceView<unknown>) => Partial<PresenceView<unknown>>) =>
  (watch: Presences["watch"]): Presences["watch"] =>
    function (this: Presences, name, [options = {}, handler]) {
      if (handler === undefined) return watch.call(this, name, [options]);
      const shown: PresenceHandler<unknown> = (view) => handler({ ...view, ...change(view) });
      return watch.call(this, name, [options, shown]);
    };

async function finds(found: Promise<string>, what: RegExp): Promise<void> {
  const all = await found;
  assert(what.test(all), all);
}

describe("a bug of users", () => {
  it("that has one member for each user, and not for each connection, is found", () =>
    finds(
      told(NodeMembers.prototype, "enter", (enter) =>
        function (this: NodeMembers, channel, who, news) {
          return enter.call(
            this,
            channel,
            { ...who, id: news.member.user ?? who.id, isLost: who.isLost },
            news,
          );
        }),
      /does not see|counts|who is not there/,
    ));

  it("that takes a member for the user who entered last is found", () => {
    let last: string | undefined;
    return finds(
      told(
        NodeMembers.prototype,
        "enter",
        (enter) =>
          function (this: NodeMembers, channel, who, { n, member }) {
            const user = last ?? member.user;
            last = member.user;
            return enter.call(this, channel, who, { n, member: { ...member, user } });
          },
      ),
      / as \w+, and it is \w+/,
    );
  });

  it("that does not know in the client who it is is found", () =>
    finds(
      told(PresenceState.prototype, "apply", (apply) =>
        function (this: PresenceState, news) {
          const nameless = (list: unknown) =>
            Array.isArray(list) ? list.map(([id, , data]) => [id, null, data]) : list;
          const { members, set, ...rest } = news;
          return apply.call(this, {
            ...rest,
            ...(members === undefined ? {} : { members: nameless(members) }),
            ...(set === undefined ? {} : { set: nameless(set) }),
          });
        }),
      / as undefined, and it is \w+/,
    ));

  it("that shows a user once for each of its connections is found", () =>
    finds(
      told(
        Presences.prototype,
        "watch",
        showing(({ members }) => ({ users: members.map((one) => ({ user: one.user, members: [one] })) })),
      ),
      /one user twice/,
    ));

  it("that shows one connection of each user is found", () =>
    finds(
      told(
        Presences.prototype,
        "watch",
        showing(({ users }) => ({
          users: users.map(({ user, members }) => ({ user, members: members.slice(0, 1) })),
        })),
      ),
      / by user, of /,
    ));

  it("that puts all who have not signed in together is found", () =>
    finds(
      told(
        Presences.prototype,
        "watch",
        showing(({ users }) => {
          const guests = users.filter(({ user }) => user === undefined).flatMap(({ members }) => members);
          const known = users.filter(({ user }) => user !== undefined);
          return { users: guests.length === 0 ? known : [...known, { user: undefined, members: guests }] };
        }),
        { seeds: [1, 2, 3, 4, 5, 6, 7, 8] }, // nobody signs in, in most of these
      ),
      /together, who have not signed in/,
    ));
});

describe("a bug of what views say of the ones before", () => {
  it("that takes everybody for another each time is found", () =>
    finds(
      told(Presences.prototype, "watch", showing(({ members }) => ({ updated: members }))),
      /updated: /,
    ));

  it("that tells nobody of who has left is found", () =>
    finds(told(Presences.prototype, "watch", showing(() => ({ left: [] }))), /left: nobody/));

  it("that takes who has told something else for one that has entered is found", () =>
    finds(
      told(
        Presences.prototype,
        "watch",
        showing(({ entered, updated }) => ({ entered: [...entered, ...updated], updated: [] })),
      ),
      /entered: /,
    ));
});

describe("a bug of what server code reads", () => {
  it("that answers with what was read before is found", () => {
    const kept = new Map<string, PresencePage>();
    return finds(
      told(NodePresence.prototype, "page", (page) =>
        async function (this: NodePresence, channel, query) {
          const key = `${channel.name} ${query.after} ${query.limit}`;
          const before = kept.get(key);
          kept.set(key, await page.call(this, channel, query));
          return before ?? kept.get(key)!;
        }),
      /server%\d+ (reads .+(after|which had left)|sees|counts)/,
    );
  });

  it("that leaves one out between two pages is found", () =>
    finds(
      told(NodePresence.prototype, "page", (page) =>
        async function (this: NodePresence, channel, query) {
          const read = await page.call(this, channel, query);
          if (!read.more || query.after === undefined) return read;
          return await page.call(this, channel, { ...query, after: read.members.at(-1)!.id });
        }),
      /server%\d+ does not see/,
    ));

  it("that counts those of a page is found", () =>
    finds(
      told(NodePresence.prototype, "page", (page) =>
        async function (this: NodePresence, channel, query) {
          const read = await page.call(this, channel, query);
          return { ...read, count: read.members.length };
        }),
      /server%\d+ counts/,
    ));
});

describe("a bug of calls with one key by two connections of one user", () => {
  it("that takes each connection for another caller is found", () =>
    finds(
      told(KeyedCalls.prototype, "run", (run) =>
        function (this: KeyedCalls, call, ...rest) {
          const client = originOf(call.surroundings.connection)?.producer; // the same in all its sessions
          Object.defineProperty(call, "key", { value: `${call.key}~${client}` });
          return run.call(this, call, ...rest);
        }, { rule: "runs once" }),
      /ran 2 times/,
    ));
});
