// bench/link.ts: the link of the benchmark has the rate and the delay that it is told to have.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { Line, shapedLink } from "../bench/link.ts";

/** 1 KiB in a millisecond, 10 ms away, 8 KiB ahead. */
const SHAPE = { rate: 1_024_000, delay: 10, queue: 8 * 1024 };

const size = (chunks: Uint8Array[]) => chunks.reduce((sum, { length }) => sum + length, 0);

describe("a shaped line", () => {
  it("lets a byte arrive after the delay and not before", () => {
    const line = new Line(SHAPE);
    line.push(new Uint8Array(1), 100);
    assertEquals(size(line.take(109.9)), 0);
    assertEquals(size(line.take(110.1)), 1);
    assertEquals(line.next, undefined);
  });

  it("carries as many bytes as its rate allows, in order", () => {
    const line = new Line(SHAPE);
    const sent = Uint8Array.from({ length: 64 * 1024 }, (_, i) => i % 251);
    line.push(sent, 0);
    const arrived: Uint8Array[] = [];
    for (let now = 0; now <= 80; now++) {
      arrived.push(...line.take(now));
      const most = Math.max(0, now - SHAPE.delay) * 1024;
      assert(size(arrived) <= most, `${size(arrived)} bytes after ${now} ms`);
      assert(size(arrived) > Math.min(most, sent.length) - 4 * 1024 - 1, `${size(arrived)} after ${now} ms`);
    }
    assertEquals(new Uint8Array(arrived.flatMap((chunk) => [...chunk])), sent);
  });

  it("is free again when it was idle: time that passed unused is no credit", () => {
    const line = new Line(SHAPE);
    line.push(new Uint8Array(1024), 0);
    line.push(new Uint8Array(1024), 1_000);
    assertEquals(size(line.take(1_010.5)), 1024);
    assertEquals(line.next, 1_011);
  });

  it("is full when its queue waits, and has room when half of it does", () => {
    const line = new Line(SHAPE);
    line.push(new Uint8Array(12 * 1024), 0);
    assert(line.full(3.9));
    assert(!line.full(4.1));
    assertEquals(line.untilRoom(0), 8);
    assertEquals(line.untilRoom(9), 0);
  });
});

describe("a shaped link", () => {
  it("carries both directions no faster than told, ends included", async () => {
    const UP = 256 * 1024;
    const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      let got = 0;
      socket.on("data", (chunk: Uint8Array) => got += chunk.length);
      socket.on("end", () => socket.end(new Uint8Array(got))); // as much down as came up
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = (server.address() as { port: number }).port;
    const link = await shapedLink(target, { rate: 4_000_000, delay: 10, queue: 16 * 1024 });
    const client = connect({ port: link.port, host: "127.0.0.1", allowHalfOpen: true });
    await once(client, "connect");
    const begun = performance.now();
    client.end(new Uint8Array(UP));
    let back = 0;
    for await (const chunk of client) back += (chunk as Uint8Array).length;
    const took = performance.now() - begun;
    assertEquals(back, UP);
    // Only a lower bound: a busy machine makes it slower, nothing makes it faster. Less a timer's rounding.
    const least = 2 * (UP / 4_000 + 10) - 4;
    assert(took >= least, `${took} ms, but the link needs ${least}`);
    link.close();
    server.close();
    await once(server, "close");
  });
});
