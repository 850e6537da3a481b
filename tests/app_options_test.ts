// What a program without types may misspell: an app that would let everybody in, an order that would concern everybody.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, millrace, procedure } from "../mod.ts";

const make = millrace as (options: object) => ReturnType<typeof millrace>;
const procedures = { hi: procedure(() => "hi") };

describe("options of an app", () => {
  it("are refused where there are none of that name, or they are no functions", () => {
    for (const name of ["autenticate", "orgins", "limit", "onErorr", "toString"]) {
      assertThrows(() => make({ procedures, [name]: () => {} }), TypeError, name);
    }
    for (const name of ["authenticate", "onConnect", "onDisconnect", "onError", "clientAddress"]) {
      assertThrows(() => make({ procedures, [name]: "x" }), TypeError, `${name} is no function`);
    }
  });

  it("are all known, and may be undefined", async () => {
    const app = make({
      ...{ procedures, authenticate: () => ({}), origins: "same-origin", requireOrigin: true, hosts: ["a"] },
      ...{ onConnect: () => {}, onDisconnect: () => {}, onError: () => {}, path: "/rpc", channels: {} },
      ...{ broker: undefined, limits: {}, clientAddress: () => "" },
    });
    await app.shutdown({ deadline: 1_000, restart: true, retryAfter: 5 });
  });
});

describe("orders to an app", () => {
  it("are refused where they would concern everybody by mistake", async () => {
    const app = make({ procedures }) as never as Record<string, (...given: unknown[]) => unknown>;
    assertThrows(() => app["connections"]!({ subjct: "ada" }), TypeError, "subjct");
    await assertRejects(() => app["reauthorize"]!({ subjct: "ada" }) as Promise<void>, TypeError, "subjct");
    await assertRejects(() => app["kick"]!("ada", { cod: 4_403 }) as Promise<void>, TypeError, "cod");
    assertThrows(() => app["shutdown"]!({ dedline: 5 }), TypeError, "dedline");
    assertEquals((app["connections"]!({ subject: "ada" }) as { size: number }).size, 0);
    await app["shutdown"]!();
  });
});

describe("the changes of a channel", () => {
  it("are true, or have options", () => {
    const channelOf = channel as (config: object) => unknown;
    assertThrows(() => channelOf({ message: z.string(), changes: false }), TypeError, "changes");
  });
});
