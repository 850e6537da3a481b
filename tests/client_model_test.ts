import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import type { CallError } from "../client/mod.ts";
import type { OutgoingCall } from "../rpc/outgoing_call.ts";
import { FakeClient } from "./suites/fake_client.ts";
import type { FakeWebSocket } from "./suites/fake_web_socket.ts";
import { payload } from "./suites/wire.ts";

const CALL = 16;

/** What can happen to a client, from either side. */
type Event =
  | {
    readonly do: "open" | "welcome" | "call" | "callThenCancel" | "answer" | "ping" | "goodbye" | "expires";
  }
  | { readonly do: "drop"; readonly code: number }
  | { readonly do: "advance"; readonly ms: number };

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    fc.constantFrom<Event>(
      { do: "open" },
      { do: "welcome" },
      { do: "call" },
      { do: "callThenCancel" },
      { do: "answer" },
      { do: "ping" },
      { do: "goodbye" },
      { do: "expires" },
    ),
    fc.constantFrom<Event>(
      ...[1000, 1001, 1006, 1012, 4401, 4503].map((code) => ({ do: "drop", code }) as const),
    ),
    fc.nat({ max: 40_000 }).map((ms): Event => ({ do: "advance", ms })),
  ),
  { maxLength: 40 },
);

/** A client, what it was asked, and what every socket has carried. */
class Run {
  readonly fake = new FakeClient({ token: () => "token", queue: 3 });
  readonly outcomes: (unknown[] | undefined)[] = [];
  readonly carried: unknown[] = [];
  readonly #served = new Map<FakeWebSocket, Serving>();
  #calls = 0;

  async step(event: Event): Promise<void> {
    const { fake } = this;
    const { socket, clock } = fake;
    switch (event.do) {
      case "open":
        socket.open();
        break;
      case "welcome":
        this.#welcome(socket);
        break;
      case "call":
        this.#call();
        break;
      case "callThenCancel":
        this.#call().cancel();
        break;
      case "drop":
        socket.drop(event.code);
        break;
      case "advance":
        await clock.advance(event.ms);
        break;
      default:
        if (this.#served.get(socket)?.welcomed) this.#tell(socket, event.do);
    }
    await clock.settle();
    this.#look();
  }

  #welcome(socket: FakeWebSocket): void {
    const served = this.#served.get(socket);
    if (served === undefined || served.welcomed || socket.readyState !== 1) return;
    served.welcomed = true;
    socket.welcome();
  }

  #call(): OutgoingCall {
    const n = this.#calls++;
    const call = this.fake.call["echo"]!(n);
    this.outcomes.push(undefined);
    call.then(
      (value) => this.outcomes[n] = ["value", value],
      (error) => this.outcomes[n] = [(error as CallError).code, (error as CallError).ambiguous],
    );
    return call;
  }

  #tell(socket: FakeWebSocket, what: Event["do"]): void {
    if (what === "ping") socket.receive([2, 0]);
    if (what === "goodbye") socket.receive([5, 1012, 100, payload({})]);
    if (what === "expires") socket.receive([7, 10_000]);
    const { asked, answered } = this.#served.get(socket)!;
    if (what !== "answer" || answered === asked.length) return;
    const id = ++this.#served.get(socket)!.answered;
    socket.receive([17, id, id, payload(asked[id - 1])]);
  }

  /** What must hold after each event. */
  #look(): void {
    const { network, status } = this.fake;
    assert(network.live <= 1, "at most one socket is live");
    if (status === "open") assertEquals(network.live, 1);
    if (status === "closed") assertEquals(network.live, 0);
    for (const socket of network.sockets) {
      const served = this.#served.get(socket) ?? { asked: [], answered: 0, welcomed: false };
      this.#served.set(socket, served);
      const inputs = socket.take(CALL).map(([, , , , , input]) => input);
      served.asked.push(...inputs);
      this.carried.push(...inputs);
    }
  }
}

/** What the server knows of one socket. */
interface Serving {
  /** Inputs of the calls, by id. */
  readonly asked: unknown[];
  answered: number;
  welcomed: boolean;
}

describe("a client, whatever happens", () => {
  it("has one socket at most, sends no call twice, settles every call, and is quiet after close()", async () => {
    await fc.assert(
      fc.asyncProperty(events, async (events) => {
        const run = new Run();
        await run.fake.clock.settle();
        for (const event of events) await run.step(event);
        const made = run.fake.network.sockets.length;
        await run.fake.close();
        await run.fake.clock.advance(3_600_000);
        assertEquals(run.fake.network.sockets.length, made, "no zombie");
        assertEquals([run.fake.status, run.fake.network.live, run.fake.clock.pending], ["closed", 0, 0]);
        assertEquals(new Set(run.carried).size, run.carried.length, "no call is sent twice");
        run.outcomes.forEach((outcome, n) => {
          assert(outcome !== undefined, `call ${n} has settled`);
          const sent = run.carried.includes(n);
          if (outcome[0] === "value") assertEquals([outcome[1], sent], [n, true]);
          else if (outcome[1] === false && sent) {
            assert(["UNAUTHENTICATED"].includes(`${outcome[0]}`), `${outcome}`);
          } else if (!sent && outcome[0] !== "CANCELLED") {
            assertEquals(outcome[1], false, `call ${n} was not sent`);
          }
        });
        assertEquals(run.fake.errors, []);
      }),
      { numRuns: 300 },
    );
  });
});
