// Bugs of wildcards, put into the core: the simulation shows them, and the checker finds them.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Channels } from "../client/channels.ts";
import type { LocalSubscription } from "../client/subscription.ts";
import { Wildcard } from "../client/wildcard.ts";
import { ServerWildcard } from "../rpc/server_wildcard.ts";
import { ServerWildcards } from "../rpc/server_wildcards.ts";
import type { Rule } from "../testing/anomaly.ts";
import { check } from "../testing/checker.ts";
import { scenarioOf } from "../tools/sim/scenario.ts";
import { runScenario } from "../tools/sim/simulation.ts";
import { filtered, isOf, wildcardHistory } from "./suites/wildcard_bugs.ts";

/** The rules that the first seed breaks which shows a bug. */
async function broken<T extends object, K extends keyof T>(
  where: T,
  method: K,
  bug: (original: T[K]) => T[K],
  from = 1,
): Promise<Rule[]> {
  const original = where[method];
  where[method] = bug(original);
  try {
    for (let seed = from; seed < from + 60; seed++) {
      const { anomalies } = await runScenario(scenarioOf(seed));
      if (anomalies.length > 0) return anomalies.map(({ rule }) => rule);
    }
    throw new Error("no seed shows the bug");
  } finally {
    where[method] = original;
  }
}

/** Subscribes otherwise to the channels of wildcards. */
function subscribing(
  how: (subscribe: Channels["join"], ...asked: Parameters<Channels["join"]>) => LocalSubscription,
) {
  return (subscribe: Channels["join"]): Channels["join"] =>
    function (this: Channels, name, wanted, Local) {
      const usual = subscribe.bind(this);
      return Local === undefined ? usual(name, wanted) : how(usual, name, wanted, Local);
    };
}

describe("a bug in wildcards", () => {
  it("that does not tell of what appears is found", async () => {
    assert((await broken(ServerWildcard.prototype, "appeared", () => () => {})).includes("wildcard"));
  });

  it("that asks no rule is found", async () => {
    assert((await broken(ServerWildcards.prototype, "ask", () => () => undefined)).includes("wildcard"));
  });

  it("that begins with what comes next is found", async () => {
    const bug = subscribing((subscribe, name, wanted) => subscribe(name, { ...wanted, start: {} }));
    assert((await broken(Channels.prototype, "join", bug)).includes("wildcard"));
  });

  it("that gives what was not asked for is found", async () => {
    const bug = subscribing((subscribe, name, wanted, Local) =>
      subscribe(name, { ...wanted, filter: undefined }, Local)
    );
    assert((await broken(Channels.prototype, "join", bug)).includes("filter"));
  });

  it("that passes over what was asked for is found", async () => {
    const bug = subscribing((subscribe, name, wanted, Local) =>
      subscribe(name, wanted.filter === undefined ? wanted : { ...wanted, filter: { tag: "none" } }, Local)
    );
    assert((await broken(Channels.prototype, "join", bug)).includes("wildcard"));
  });

  it("that leaves out what none has allowed is found", async () => {
    const bug = subscribing((subscribe, name, wanted, Local) =>
      subscribe(name, { ...wanted, policy: { latest: true } }, Local)
    );
    assert((await broken(Channels.prototype, "join", bug, 130)).includes("policy"));
  });

  it("that goes on when it was closed is found", async () => {
    assert((await broken(Wildcard.prototype, "close", () => () => {})).includes("contiguity"));
  });

  it("that gives a publication twice is found", async () => {
    const bug = subscribing((subscribe, ...asked) => {
      subscribe(...asked);
      return subscribe(...asked);
    });
    assert((await broken(Channels.prototype, "join", bug)).includes("contiguity"));
  });
});

it("a wildcard with a filter that gets what it asks for is nothing to tell of", () => {
  const log = filtered(wildcardHistory(), "b").filter((event) => !isOf(event));
  assertEquals(check([...log, { at: 1, is: "calm" }, { at: 200_000, is: "finish" }]), []);
});

it("a wildcard that gets everything is nothing to tell of", () => {
  assertEquals(check([...wildcardHistory(), { at: 1, is: "calm" }, { at: 200_000, is: "finish" }]), []);
});
