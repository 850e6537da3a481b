// A call by POST with a key: it runs once, whoever sends it again and however.
import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { connect } from "../client/mod.ts";
import { type CallError, define } from "../mod.ts";
import { encode } from "../msgpack/mod.ts";
import { AppServer } from "./suites/app_server.ts";
import { Mailbox } from "./suites/mailbox.ts";

const { procedure, millrace } = define<object>();

describe("a call by POST with a key", () => {
  const entered = new Mailbox<true>();
  let runs = 0;
  let gate = Promise.withResolvers<void>();
  let server: AppServer<ReturnType<typeof make>>;

  function make() {
    return millrace({
      path: "/rpc",
      authenticate: ({ token }) => token === undefined ? {} : { subject: token },
      procedures: {
        pay: procedure(
          { input: z.object({ amount: z.number() }) },
          ({ amount }) => ({ amount, number: ++runs }),
        ),
        gated: procedure(async () => {
          entered.push(true);
          await gate.promise;
          return ++runs;
        }),
        refuse: procedure({ errors: { POOR: z.object({ by: z.number() }) } }, (_, { errors }) => {
          throw errors.POOR({ by: ++runs });
        }),
        stream: procedure.stream({}, async function* () {
          yield 1;
        }),
      },
    });
  }

  beforeEach(async () => {
    runs = 0;
    gate = Promise.withResolvers();
    server = await AppServer.start(make(), { path: "/rpc" });
  });

  afterEach(() => server.stop());

  async function post(
    name: string,
    input: unknown,
    headers: Record<string, string>,
  ): Promise<[number, unknown]> {
    const response = await server.post(name, input === undefined ? undefined : JSON.stringify(input), {
      authorization: "Bearer ada",
      ...headers,
    });
    return [response.status, await response.json()];
  }

  it("runs once, and gives the same answer again", async () => {
    const first = await post("pay", { amount: 5 }, { "idempotency-key": "k" });
    assertEquals(first, [200, { amount: 5, number: 1 }]);
    assertEquals(await post("pay", { amount: 5 }, { "idempotency-key": "k" }), first);
    assertEquals(await post("pay", { amount: 5 }, { "idempotency-key": "other" }), [200, {
      amount: 5,
      number: 2,
    }]);
    assertEquals(await post("pay", { amount: 5 }, {}), [200, { amount: 5, number: 3 }]);
  });

  it("is the same call as one over the socket, or in MessagePack, with that key", async () => {
    const first = await post("pay", { amount: 5 }, { "idempotency-key": "k" });
    const packed = await server.post("pay", encode({ amount: 5 }) as Uint8Array<ArrayBuffer>, {
      authorization: "Bearer ada",
      "content-type": "application/msgpack",
      "idempotency-key": "k",
    });
    assertEquals(new Uint8Array(await packed.arrayBuffer()), encode(first[1]));
    await using app = connect<typeof server.app>(server.url.replace("http", "ws"), { token: () => "ada" });
    assertEquals(await app.call.pay({ amount: 5 }, { key: "k" }), { amount: 5, number: 1 });
    assertEquals(runs, 1);
  });

  it("waits for the first where that still runs", async () => {
    const [one, two] = [1, 2].map(() => post("gated", undefined, { "idempotency-key": "k" }));
    await entered.next();
    gate.resolve();
    assertEquals([await one, await two], [[200, 1], [200, 1]]);
    assertEquals(entered.size, 0);
  });

  it("gets the declared error of the first, with its data", async () => {
    const first = await post("refuse", undefined, { "idempotency-key": "k" });
    assertEquals([first[0], (first[1] as CallError).data], [422, { by: 1 }]);
    assertEquals(await post("refuse", undefined, { "idempotency-key": "k" }), first);
  });

  it("is refused where the key is somebody's other call, nobody's, or none, and did not run", async () => {
    await post("pay", { amount: 5 }, { "idempotency-key": "k" });
    const answers = [
      await post("pay", { amount: 6 }, { "idempotency-key": "k" }),
      await post("pay", { amount: 5 }, { "idempotency-key": "k", authorization: "" }),
      await post("pay", { amount: 5 }, { "idempotency-key": "" }),
      await post("pay", { amount: 5 }, { "idempotency-key": "k".repeat(256) }),
      await post("stream", undefined, { "idempotency-key": "s" }),
    ];
    assertEquals(answers.map(([status, error]) => [status, (error as CallError).code]), [
      [409, "KEY_REUSED"],
      [400, "BAD_INPUT"],
      [400, "BAD_MESSAGE"],
      [400, "BAD_MESSAGE"],
      [400, "BAD_INPUT"],
    ]);
    assertEquals(runs, 1);
    assertEquals(await post("pay", { amount: 6 }, { "idempotency-key": "k", authorization: "Bearer bob" }), [
      200,
      { amount: 6, number: 2 },
    ]);
  });
});
