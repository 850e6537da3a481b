// tests/vectors/messages.json, read in both directions: what a client in another language is checked with as well.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ELEMENTS, Kind } from "../rpc/kinds.ts";
import { fromHex, toHex } from "./msgpack_support.ts";
import { clientCloses, converse, serverAnswers, serverCloses } from "./suites/vector_ends.ts";
import { effects, VectorInbox } from "./suites/vector_inbox.ts";
import {
  accepted,
  answered,
  conversation,
  type Direction,
  type Fields,
  frames,
  invalid,
  type InvalidVector,
  type KindName,
  type MessageFields,
  messages,
  writtenMessage,
} from "./suites/vectors.ts";

/** Who reads what goes in this direction. */
function readers(direction: Direction): ("server" | "client")[] {
  if (direction === "both") return ["server", "client"];
  return [direction === "client → server" ? "server" : "client"];
}

/** What an end is told of these bytes. */
function read(role: "server" | "client", hex: string, expected: readonly MessageFields[]): unknown {
  const { kind } = expected[0]!;
  const seq = expected.map(({ fields }) => (fields as Partial<Fields>).seq).find((seq) => seq !== undefined);
  const isGreeting = kind === "HELLO" || kind === "WELCOME";
  const inbox = isGreeting ? new VectorInbox(role) : VectorInbox.greeted(role, { received: (seq ?? 1) - 1 });
  inbox.receive(fromHex(hex));
  return inbox.log;
}

describe("vectors of messages", () => {
  it("show every kind there is", () => {
    const shown = new Set(messages.map(({ kind }) => kind));
    assertEquals([...shown].sort(), (Object.keys(Kind) as KindName[]).sort());
    for (const { kind, fields } of messages) {
      assertEquals(Object.keys(fields).length + 1, ELEMENTS[Kind[kind]], kind);
    }
  });

  it("have names of their own", () => {
    const names = [...messages, ...accepted].map(({ kind, name }) => `${kind} ${name}`);
    assertEquals(names.length, new Set(names).size);
    assertEquals(invalid.length, new Set(invalid.map(({ name }) => name)).size);
  });

  for (const vector of messages) {
    const { kind, name, hex } = vector;
    it(`${kind}, ${name}: is written`, () => assertEquals(toHex(writtenMessage(vector)), hex));
  }

  for (const vector of [...messages, ...accepted]) {
    const { kind, name, hex, direction } = vector;
    for (const role of readers(direction)) {
      it(`${kind}, ${name}: is read by the ${role}`, () => {
        assertEquals(read(role, hex, [vector]), effects([vector]));
      });
    }
  }
});

describe("vectors of frames", () => {
  for (const { name, direction, hex, messages } of frames) {
    for (const role of readers(direction)) {
      it(`${name}: is read by the ${role}`, () => assertEquals(read(role, hex, messages), effects(messages)));
    }
  }
});

describe("vectors of broken rules", () => {
  for (const vector of invalid) {
    it(`${vector.name}, to the ${vector.to}: closes with ${vector.closes}`, async () => {
      const given = framesOf(vector);
      const closes = vector.to === "server"
        ? await serverCloses(given)
        : await clientCloses(given, { calls: vector.calls ?? 0 });
      assertEquals(closes, [...given.slice(1).map(() => undefined), vector.closes]);
    });
  }
});

function framesOf({ frames, times = 1 }: InvalidVector): Uint8Array[] {
  return frames.map((hex, i) => fromHex(i === frames.length - 1 ? hex.repeat(times) : hex));
}

describe("vectors of answers", () => {
  for (const { name, frames, answers } of answered) {
    it(`${name}: is answered so, and the connection stays`, async () => {
      assertEquals(await serverAnswers(frames.map(fromHex)), { answers: answers as unknown[][], closes: [] });
    });
  }
});

describe("the conversation of the protocol's page", () => {
  it("is what a client and a server say, byte for byte", async () => {
    const { said, results } = await converse();
    assertEquals(said, conversation.map(({ from, hex }) => ({ from, hex })));
    assertEquals(results, [3, 3, 2, 1, 42]);
  });

  it("is what its fields say", () => {
    for (const { hex, messages } of conversation) {
      assertEquals(messages.map((message) => toHex(writtenMessage(message))).join(""), hex);
    }
  });
});
