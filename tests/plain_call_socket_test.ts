// A small call over a socket whose handler ends its connection, or the app, before it returns.
import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { type CallContext, millrace, procedure, type ShutdownReport } from "../mod.ts";
import { AppServer, NOTHING_LEFT } from "./suites/app_server.ts";
import { Mailbox } from "./suites/mailbox.ts";
import { call, hello } from "./suites/wire.ts";
import type { Wire } from "./suites/wire.ts";

const WELCOME = 1;
const NAME = 8;
const RESULT = 17;

describe("a small call over a socket, whose handler", () => {
  const ended = new Mailbox<number>();
  const errors: unknown[] = [];
  const identity: { board?: string } = {};
  let script: (context: CallContext) => unknown;
  let server: AppServer<ReturnType<typeof make>>;

  function make() {
    return millrace({
      authenticate: () => identity,
      onDisconnect: (_connection, { code }) => void ended.push(code),
      onError: (error) => void errors.push(error),
      procedures: {
        run: procedure({ output: z.unknown() }, (_input, context) => script(context as CallContext)),
      },
    });
  }

  /** A client that has been told the number of `run`, and its number. */
  async function told(): Promise<{ wire: Wire; number: number }> {
    script = () => 0;
    const wire = await server.wire();
    wire.send(hello());
    await wire.nextOf(WELCOME);
    wire.send(call(1, "run"));
    const [, number] = await wire.nextOf(NAME);
    await wire.nextOf(RESULT);
    return { wire, number: number as number };
  }

  beforeEach(async () => {
    errors.length = 0;
    server = await AppServer.start(make());
  });

  afterEach(async () => {
    await server.stop();
    assertEquals(server.app.stats(), NOTHING_LEFT);
    assertEquals(ended.size, 0);
    assertEquals(errors, []);
  });

  const finishes: Record<string, () => unknown> = {
    returns: () => 1,
    throws: () => {
      throw new Error("not told");
    },
  };
  for (const [name, finish] of Object.entries(finishes)) {
    it(`closes its connection and ${name}: aborted, not answered, told once`, async () => {
      const { wire, number } = await told();
      const seen: unknown[] = [];
      script = ({ connection, signal }) => {
        connection.close(4500, "as you wish");
        seen.push(signal.aborted, server.app.stats().calls);
        return finish();
      };
      wire.send(call(2, number), call(3, number));
      assertEquals(await wire.next(), undefined);
      assertEquals(wire.closed, { code: 4500, reason: "as you wish" });
      assertEquals(await ended.next(), 4500);
      assertEquals(seen[0], true);
      assertEquals(seen.length, 2); // the call behind it did not run
    });
  }

  it("finds what was added to an empty context after the connection was made", async () => {
    const { wire, number } = await told();
    identity.board = "7";
    script = (context) => (context as { board?: string }).board;
    wire.send(call(2, number));
    assertEquals((await wire.nextOf(RESULT))[3], "7");
    delete identity.board;
    await wire.cut();
    assertEquals(await ended.next(), 1006);
  });

  it("shuts the app down: it is answered, and nothing was cut", async () => {
    const { wire, number } = await told();
    let report: Promise<ShutdownReport> | undefined;
    script = () => {
      report = server.app.shutdown();
      return "last";
    };
    wire.send(call(2, number));
    assertEquals((await wire.nextOf(RESULT))[3], "last");
    assertEquals((await wire.end()).code, 1001);
    assertEquals(await report, { connections: 1, calls: 0 });
    assertEquals(await ended.next(), 1001);
  });

  it("shuts the app down with no time left: it is answered all the same, since it has ended before", async () => {
    const { wire, number } = await told();
    let report: Promise<ShutdownReport> | undefined;
    script = () => {
      report = server.app.shutdown({ deadline: 0 });
      return "last";
    };
    wire.send(call(2, number));
    assertEquals((await wire.nextOf(RESULT))[3], "last");
    assertEquals((await wire.end()).code, 1001);
    assertEquals(await report, { connections: 1, calls: 0 });
    assertEquals(await ended.next(), 1001);
  });
});
