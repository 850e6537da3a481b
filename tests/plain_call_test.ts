// A small call, the short way and the long: whatever its handler does, the outcome is the same.
import { assert, assertEquals } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { gauges, NOTHING } from "./suites/pair.ts";
import {
  assertGoesOn,
  assertOver,
  brief,
  definer,
  ScriptedServer,
  streamPayload,
  streamsPayload,
  WAYS,
} from "./suites/scripted_server.ts";
import { deferred, lengthOf } from "./suites/sources.ts";
import { payload } from "./suites/wire.ts";

for (const way of WAYS) {
  const on = definer(way);

  describe(`a small call, the ${way} way`, () => {
    on("is answered with what its handler gives, at once", async (server) => {
      server.script = (input) => [input];
      assertEquals(server.run(way, 7), [[17, 2, 2, [7]]]);
      await assertGoesOn(server, 3);
    });

    on("is told why it failed, and the program what its caller is not", async (server) => {
      const broken = new Error("broken");
      server.script = () => {
        throw broken;
      };
      assertEquals(brief(server.run(way)), [[18, 2, "INTERNAL"]]);
      assertEquals(server.pair.server.failures, [broken]);
      await server.settle();
      server.script = () => {
        throw new CallError("FORBIDDEN");
      };
      assertEquals(brief(server.run(way)), [[18, 3, "FORBIDDEN"]]);
      assertEquals(server.pair.server.failures, [broken]);
      await assertGoesOn(server, 4);
    });

    on("that cannot be decoded is told so, and what it named is stopped", (server) => {
      const damaged = Uint8Array.of(0x92, ...streamPayload(1), 0xc1);
      assertEquals(brief(server.run(way, damaged)), [[Kind.STOP], [18, 2, "BAD_MESSAGE"]]);
      assertEquals(server.pair.server.peer.callee.inFlight, 0);
      assertEquals(server.pair.server.faults, []);
    });

    on("that breaks a rule inside its input ends the connection, and nothing is left", async (server) => {
      server.run(way, streamsPayload(1, 1));
      assertEquals(server.pair.server.faults.map(String), ["ProtocolError: Stream 1 is named twice"]);
      await assertOver(server);
    });

    on("counts while its handler runs, and as long as that takes", async (server) => {
      const gate = deferred();
      const seen: unknown[] = [];
      server.script = async (_input, { timeLeft }) => {
        seen.push(server.pair.server.peer.callee.inFlight, timeLeft());
        await gate.promise;
        seen.push(timeLeft());
        return "late";
      };
      assertEquals(server.run(way), []);
      assertEquals(server.pair.server.peer.callee.inFlight, 1);
      await server.pair.clock.advance(400);
      gate.resolve();
      assertEquals(await server.settle(), [[17, 2, 2, "late"]]);
      assertEquals(seen, [1, Infinity, 600]);
      await assertGoesOn(server, 3);
    }, { limits: { callTimeout: 1_000 } });

    on("that takes too long ends by the default bound", async (server) => {
      const reasons: unknown[] = [];
      server.script = async (_input, { signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        reasons.push((signal.reason as CallError).code);
      };
      server.run(way);
      await server.pair.clock.advance(1_000);
      assertEquals(brief(server.sent()), [[18, 2, "DEADLINE"]]);
      assertEquals(reasons, ["DEADLINE"]);
      await assertGoesOn(server, 3);
    }, { limits: { callTimeout: 1_000 } });

    on("whose result cannot be sent fails as one that has run", async (server) => {
      server.script = () => new Map();
      assertEquals(brief(server.run(way)), [[18, 2, "INTERNAL"]]);
      assertEquals(server.pair.server.failures.map((error) => (error as Error).name), ["TypeError"]);
      await server.settle();
      server.script = () => new Uint8Array(2000);
      const [[kind, , id, code, flags] = []] = server.run(way);
      assertEquals([kind, id, code, flags], [18, 3, "TOO_LARGE", 2]);
      await assertGoesOn(server, 4); // nothing of the others is left in the frame
    }, { clientLimits: { message: 1024 } });

    on("fails where the context of the app throws, and nothing else does", async (server) => {
      assertEquals(brief(server.run(way)), [[18, 2, "INTERNAL"]]);
      assertEquals(server.pair.server.failures.map(String).at(-1), "Error: no user");
      await server.settle();
      assertEquals(gauges(server.pair.server), NOTHING);
      assertEquals(server.pair.server.faults, []);
    }, {
      context: {
        get user() {
          throw new Error("no user");
        },
      },
    });
  });

  describe(`what a handler gives, the ${way} way`, () => {
    const revoked = (): unknown => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    };
    const works = () => (resolve: (value: unknown) => void) => resolve("given");
    const throws = (): never => {
      throw new Error("not to be looked at");
    };
    /** An object whose `then` is what these give, one at each look, the last one from then on. */
    const thenable = (...looks: (() => unknown)[]): unknown =>
      Object.defineProperty({}, "then", { get: () => (looks.length > 1 ? looks.shift()! : looks[0]!)() });
    const promise = (member: string, get: () => unknown): unknown =>
      Object.defineProperty(Promise.resolve("given"), member, { get });
    const cases: Record<string, [() => unknown, unknown[]]> = {
      "a promise of another make": [() => thenable(works), [17, "given"]],
      "what fails when its `then` is looked at": [() => thenable(throws), [18, "INTERNAL"]],
      "what fails when it is looked at again": [() => thenable(works, throws), [18, "INTERNAL"]],
      "a promise whose `then` fails when it is called": [() => promise("then", () => throws), [
        18,
        "INTERNAL",
      ]],
      "a promise whose maker cannot be looked at": [() => promise("constructor", throws), [18, "INTERNAL"]],
      "a promise that fails": [() => Promise.reject(new CallError("FORBIDDEN")), [18, "FORBIDDEN"]],
      "a proxy that was revoked": [revoked, [18, "INTERNAL"]],
      "a promise of a proxy that was revoked": [
        () => ({ then: (resolve: (value: unknown) => void) => resolve(revoked()) }),
        [18, "INTERNAL"],
      ],
      "what throws while it is encoded": [() => ({
        get a() {
          return throws();
        },
      }), [18, "INTERNAL"]],
      "a function": [() => () => 1, [18, "INTERNAL"]],
    };
    for (const [name, [make, [kind, what]]] of Object.entries(cases)) {
      on(`may be ${name}`, async (server) => {
        server.script = make;
        const answers = server.run(way);
        answers.push(...await server.settle());
        assertEquals(brief(answers), [[kind, 2, what]]);
        await assertGoesOn(server, 3);
      });
    }
  });

  describe(`byte streams in the input of a small call, the ${way} way`, () => {
    const piece = (stream: number, n: number): unknown[] => [25, stream, n, new Uint8Array(10)];

    on("are stopped when nobody has read them, and their places are free", async (server) => {
      server.script = () => "ignored";
      assertEquals(brief(server.run(way, streamsPayload(1, 2))), [[17, 2, "ignored"], [Kind.STOP], [
        Kind.STOP,
      ]]);
      server.feed([28, 1, 0, "CANCELLED", 2, payload({ message: "" })], piece(2, 1), [27, 2, 1]);
      await server.settle();
      await assertGoesOn(server, 3);
    });

    on("may be read, then and later", async (server) => {
      const lengths: number[] = [];
      server.script = (input) => {
        const [first, second] = input as ReadableStream<Uint8Array>[];
        void lengthOf(first!).then((length) => lengths.push(length)); // beyond the end of the call
        return second; // sent back while it comes
      };
      const answers = server.run(way, streamsPayload(1, 2));
      assertEquals(answers.map(([kind]) => kind), [17]);
      server.feed(piece(1, 1), piece(1, 2), [27, 1, 2], piece(2, 1), [27, 2, 1]);
      const echo = await server.settle();
      assertEquals(lengths, [20]);
      assertEquals(echo.filter(([kind]) => kind === Kind.PIECE || kind === Kind.END).map(([kind]) => kind), [
        Kind.PIECE,
        Kind.END,
      ]);
      assert(!echo.some(([kind]) => kind === Kind.STOP));
      server.feed([29, 1, 1, 1000]);
      await assertGoesOn(server, 3);
    });

    on("are read by a handler that takes its time, whose bound is theirs", async (server) => {
      server.script = (input) => lengthOf(input as ReadableStream<Uint8Array>);
      server.run(way, streamPayload(1));
      await server.pair.clock.advance(5_000);
      server.feed(piece(1, 1), [27, 1, 1]);
      assertEquals(brief((await server.settle()).filter(([kind]) => kind !== Kind.CREDIT)), [[17, 2, 10]]);
      await assertGoesOn(server, 3);
    }, { limits: { callTimeout: 1_000 } });

    on("are stopped when the call fails, read or not", async (server) => {
      server.script = (input) => {
        const [first] = input as ReadableStream<Uint8Array>[];
        lengthOf(first!).catch(() => {});
        throw new CallError("FORBIDDEN");
      };
      const answers = server.run(way, streamsPayload(1, 2));
      assertEquals(brief(answers), [[18, 2, "FORBIDDEN"], [Kind.STOP], [Kind.STOP]]);
      server.feed([27, 1, 0], [27, 2, 0]);
      await assertGoesOn(server, 3);
    });

    const cutOff: Record<string, (server: ScriptedServer) => void> = {
      "the caller cancels": (server) => server.feed([20, 3, 2]),
      "the connection goes": (server) => server.pair.cut(),
    };
    for (const [name, end] of Object.entries(cutOff)) {
      on(`fail their readers when ${name}`, async (server) => {
        const codes: unknown[] = [];
        server.script = async (input) => {
          try {
            await lengthOf(input as ReadableStream<Uint8Array>);
          } catch (error) {
            codes.push((error as CallError).code);
            throw error;
          }
        };
        server.run(way, streamPayload(1));
        end(server);
        await server.settle();
        assertEquals(codes, [name === "the caller cancels" ? "CANCELLED" : "DISCONNECTED"]);
        assertEquals(server.pair.server.peer.callee.inFlight, 0);
      });
    }
  });
}
