// What surrounds a small call, the short way and the long: its context, the end of its connection, and what it has to wait for.
import { assertEquals } from "@std/assert";
import { describe } from "@std/testing/bdd";
import type { CallContext } from "../rpc/context.ts";
import { CallError } from "../rpc/errors.ts";
import { anything, gauges, NOTHING, procedure } from "./suites/pair.ts";
import { assertGoesOn, assertOver, brief, definer, ScriptedServer, WAYS } from "./suites/scripted_server.ts";
import { deferred } from "./suites/sources.ts";
import { payload } from "./suites/wire.ts";

const logged: unknown[] = [];

for (const way of WAYS) {
  const on = definer(way);

  describe(`what a handler finds beside its input, the ${way} way`, () => {
    on("is the same however often it is looked at, then, later and after the end", async (server) => {
      const gate = deferred();
      const kept: CallContext[] = [];
      server.script = async (_input, context) => {
        kept.push(context);
        const { signal, connection, procedure } = context;
        await gate.promise;
        return [signal === context.signal, connection === context.connection, procedure, signal.aborted];
      };
      server.run(way);
      gate.resolve();
      assertEquals(brief(await server.settle()), [[17, 2, [true, true, "run", false]]]);
      server.script = (_input, context) => void kept.push(context);
      server.run(way);
      await server.settle();
      assertEquals(kept.map(({ signal, timeLeft }) => [signal.aborted, timeLeft()]), [
        [false, 60_000],
        [false, Infinity],
      ]);
      await assertGoesOn(server, 4);
    });

    for (const early of [true, false]) {
      on(`is told of a cancel, looked at ${early ? "before" : "after"}`, async (server) => {
        const gate = deferred();
        const codes: unknown[] = [];
        server.script = async (_input, context) => {
          if (early) context.signal.addEventListener("abort", () => codes.push("event"));
          await gate.promise;
          codes.push((context.signal.reason as CallError).code);
        };
        server.run(way);
        server.feed([20, 3, 2]);
        gate.resolve();
        assertEquals(brief(await server.settle()), [[18, 2, "CANCELLED"]]);
        assertEquals(codes, early ? ["event", "CANCELLED"] : ["CANCELLED"]);
      });
    }

    on("is its own: what one call adds, no other finds", async (server) => {
      const seen: unknown[] = [];
      server.script = (input, context) => {
        const own = context as unknown as Record<string, unknown>;
        seen.push(own["user"], own["added"]);
        own["added"] = input;
      };
      server.run(way, 1);
      server.run(way, 2);
      assertEquals(seen, ["Ada", undefined, "Ada", undefined]);
      await assertGoesOn(server, 4);
    }, { context: { user: "Ada" } });
  });

  describe(`a connection that ends while a handler runs, the ${way} way`, () => {
    const never = new Promise<never>(() => {});
    const ways: Record<string, (server: ScriptedServer, codes: unknown[]) => unknown> = {
      "that gives a value": () => 1,
      "that throws": () => {
        throw new Error("not told");
      },
      "that gives a promise": () => Promise.resolve(1),
      "that gives a promise that fails": () => Promise.reject(new Error("not told")),
      "that gives what cannot be encoded": () => new Map(),
      "that gives a stream of bytes, which is cancelled": (_server, codes) =>
        new ReadableStream({ cancel: (reason) => void codes.push((reason as CallError).code) }),
    };
    for (const [name, finish] of Object.entries(ways)) {
      on(name, async (server) => {
        const codes: unknown[] = [];
        server.script = (_input, context) => {
          const { signal } = context;
          signal.addEventListener("abort", () => codes.push(`aborted ${(signal.reason as CallError).code}`));
          server.pair.cut();
          codes.push(server.pair.server.peer.callee.inFlight);
          return finish(server, codes);
        };
        assertEquals(server.run(way), []);
        await assertOver(server);
        const cancelled = name.includes("cancelled") ? ["CANCELLED"] : [];
        assertEquals(codes, ["aborted DISCONNECTED", 1, ...cancelled]);
      });
    }

    on("that looks at its signal afterwards: it is aborted", async (server) => {
      let reason: unknown;
      server.script = (_input, context) => {
        server.pair.cut();
        reason = context.signal.reason;
      };
      server.run(way);
      assertEquals((reason as CallError).code, "DISCONNECTED");
      await assertOver(server);
    });

    on("that never ends: no timer is left, and it counts", async (server) => {
      server.script = () => {
        server.pair.cut();
        return never;
      };
      server.run(way);
      await server.settle();
      assertEquals(server.pair.clock.pending, 0);
      assertEquals(gauges(server.pair.server), { ...NOTHING, answers: 1 });
    });

    on("and calls behind it in the frame are not run", async (server) => {
      let runs = 0;
      server.script = () => {
        runs++;
        server.pair.cut();
      };
      server.feed(server.runMessage(way), server.runMessage(way));
      server.run(way);
      assertEquals(runs, 1);
      await assertOver(server);
    });

    on(
      "while its result is encoded: nothing is left, and no other connection gets its buffer",
      async (server) => {
        const others = await Promise.all([
          ScriptedServer.open(),
          ScriptedServer.open(),
          ScriptedServer.open(),
        ]);
        const cancelled: unknown[] = [];
        const cancel = (reason: unknown) => void cancelled.push((reason as CallError).code);
        server.script = () => ({
          before: new ReadableStream({ cancel }),
          get after() {
            server.pair.cut();
            const [first] = others;
            first!.script = () => "one";
            first!.feed(first!.message(1), first!.message(1)); // waits in a frame, in a buffer of its own
            return "rest of a result";
          },
        });
        server.run(way);
        const [, second, third] = others;
        second!.script = third!.script = (input) => input;
        second!.feed(second!.message(1, "second"), second!.message(1, "second"));
        third!.feed(third!.message(1, "third"), third!.message(1, "third"));
        for (const [i, expected] of ["one", "second", "third"].entries()) {
          const answers = brief(await others[i]!.settle());
          assertEquals(answers, [[17, 2, expected], [17, 3, expected]]);
        }
        assertEquals(cancelled, ["CANCELLED"]);
        await assertOver(server);
      },
    );
  });

  describe(`what stands between a small call and its handler, the ${way} way`, () => {
    on(
      "is a drain that begins while it runs: it is answered, those behind it are refused",
      (server) => {
        const { callee } = server.pair.server.peer;
        let ended = 0;
        callee.onEnd = () => ended++;
        server.script = () => {
          callee.refuseWith = new CallError("UNAVAILABLE");
          return "last";
        };
        server.feed(server.runMessage(way), server.runMessage(way));
        assertEquals(brief(server.sent()), [[17, 2, "last"], [18, 3, "UNAVAILABLE"]]);
        assertEquals(ended, 1);
        callee.refuseWith = undefined;
        server.run(way);
      },
    );

    on("is how many run at once", async (server) => {
      const gates = [deferred<string>(), deferred<string>(), deferred<string>()];
      const started: unknown[] = [];
      server.script = (input) => {
        started.push(input);
        return gates[input as number]!.promise;
      };
      for (const n of [0, 1, 2]) server.run(way, n);
      assertEquals(started, [0, 1]);
      gates[1]!.resolve("b");
      assertEquals(brief(await server.settle()), [[17, 3, "b"]]);
      assertEquals(started, [0, 1, 2]);
      gates[0]!.resolve("a");
      gates[2]!.resolve("c");
      assertEquals(brief(await server.settle()), [[17, 2, "a"], [17, 4, "c"]]);
      await assertGoesOn(server, 5);
    }, { limits: { concurrency: 2 } });

    on("is how many are in flight", async (server) => {
      const gate = deferred();
      server.script = () => gate.promise;
      for (let i = 0; i < 2; i++) assertEquals(server.run(way), []);
      assertEquals(brief(server.run(way)), [[18, 4, "RESOURCE_EXHAUSTED"]]);
      gate.resolve();
      assertEquals(brief(await server.settle()), [[17, 2, undefined], [17, 3, undefined]]);
      await assertGoesOn(server, 5);
    }, { limits: { calls: 2 } });

    on(
      "is no ordered one that waits, which starts as soon as its turn has come",
      async (server) => {
        const gate = deferred();
        const started: unknown[] = [];
        server.script = (input) => void started.push(input);
        const log = server.message("log", "first");
        const second = server.message("log", "second");
        server.feed(log, second, server.runMessage(way, "run"));
        server.run(way, "again");
        assertEquals(started, ["run", "again"]);
        gate.resolve();
        await server.settle();
        assertEquals(logged.splice(0), ["first", "second"]);
        server.run(way);
        await assertGoesOn(server, 7);
      },
      {},
      {
        log: procedure({ input: anything, ordered: true }, async (input) => {
          await Promise.resolve();
          logged.push(input);
        }),
      },
    );

    on("is its id, which is used once", async (server) => {
      server.run(way);
      const again = way === "short" ? null : {};
      server.feed([16, 3, 2, 1, again, payload()]);
      assertEquals(server.pair.server.faults.map(String), ["ProtocolError: Call 2 is used again"]);
      await assertOver(server);
    });

    on("is its id, which is no more than 4096 ahead", (server) => {
      const nothing = way === "short" ? null : {};
      server.script = (input) => input;
      server.feed([16, 2, 4_098, 1, nothing, payload("far")]);
      assertEquals(brief(server.sent()), [[17, 4_098, "far"]]);
      server.feed([16, 3, 2, 1, nothing, payload("back")]);
      server.feed([16, 4, 4_101, 1, nothing, payload("too far")]);
      server.run(way);
      assertEquals(server.pair.server.faults.map(String), ["ProtocolError: Call 4101 is too far ahead"]);
    });

    on("is its id, which is not 0", (server) => {
      server.run(way);
      server.feed([16, 3, 0, 1, way === "short" ? null : {}, payload()]);
      assertEquals(server.pair.server.faults.map(({ code }) => code), [4400]);
    });

    for (const [name, seq] of [["again", 2], ["too early", 5], ["0", 0]] as const) {
      on(`is its sequence, which does not come ${name}`, (server) => {
        let runs = 0;
        server.script = () => void runs++;
        server.run(way);
        server.feed([16, seq, 3, 1, way === "short" ? null : {}, payload()]);
        assertEquals(server.pair.server.faults.map(String), [`ProtocolError: Sequence ${seq} instead of 3`]);
        assertEquals(runs, 1);
      });
    }

    on(
      "is a number that was announced",
      (server) => {
        server.run(way);
        server.feed([16, 3, 3, 2, way === "short" ? null : {}, payload()]);
        assertEquals(server.pair.server.faults.map(String), [
          "ProtocolError: Procedure 2 was never announced",
        ]);
      },
      {},
      { other: procedure(() => 1) },
    );
  });
}
