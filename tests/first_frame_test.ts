// How large the first frame of a connection may be: that of a stranger is small, that of the server a client has called is not.
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import { VectorInbox } from "./suites/vector_inbox.ts";
import { frameOf, payload } from "./suites/wire.ts";

const LARGE = new Uint8Array(200 * 1024);

describe("the first frame", () => {
  it("of a server may hold WELCOME and a page of history: a client that comes back is not closed for it", () => {
    const inbox = new VectorInbox("client");
    const welcome = [Kind.WELCOME, 1, new Uint8Array(16), 0, payload({})] as const;
    inbox.receive(frameOf(welcome as never, [Kind.PUBLICATION, 1, 1, 7, LARGE] as never));
    assertEquals(inbox.log.length, 2);
  });

  it("of a client is at most 64 KiB", () => {
    const inbox = new VectorInbox("server");
    const frame = encode([Kind.HELLO, 1, null, 0, encode({ agent: "x".repeat(70_000) })]);
    const error = assertThrows(() => inbox.receive(frame), ProtocolError);
    assertEquals(error.code, 1009);
  });
});
