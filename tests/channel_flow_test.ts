// A subscriber is sent what it can take and no more, and loses nothing by that.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { CloseCode } from "../rpc/close.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const RESET = 2;

function start(limits: object = {}): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker(), limits });
}

/** Publishes so many numbered messages of so many bytes, each in a turn of its own. */
async function publish(server: ChannelNode, count: number, size = 10): Promise<void> {
  for (let i = 0; i < count; i++) {
    server.broker.add(NAME, encode(new Uint8Array(size)));
    await server.clock.settleFor(1);
  }
  await server.settle();
}

/** The offsets of the publications that came. */
function offsets(line: Line): number[] {
  return line.takeOf(Kind.PUBLICATION).map(([, , offset]) => offset as number);
}

/** Every offset from here to there. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe("a subscriber that acknowledges nothing", () => {
  it("is sent at most 1,000 publications, and goes on where it was when it has seen them", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 1_500);
    const first = offsets(line);
    assert(first.length > 850 && first.length <= 1_000, `${first.length} were sent`);
    assertEquals(first, range(1, first.length));
    line.send([Kind.SEEN, alias, first.length]);
    await server.settle();
    assertEquals(offsets(line), range(first.length + 1, 1_500));
    await publish(server, 1);
    assertEquals(offsets(line), [1_501], "it is live again");
  });

  for (const turn of [2, 17, 50, 63, 64, 65, 100, 127, 255, 256, 300]) {
    for (const filter of [undefined, ["exists", ["kind"]]]) {
      it(`is sent no more of ${turn} in a turn either, wherever they begin, ${filter ? "by a filter" : "as all"}`, async () => {
        for (let first = 1; first <= 64; first += 9) {
          const server = start();
          const line = await server.connect();
          await line.joined(NAME, null, filter && { filter });
          await publish(server, first);
          for (let i = first; i < 1_500; i += turn) {
            for (let j = 0; j < turn; j++) server.broker.add(NAME, encode({ kind: j }));
            await server.clock.settleFor(1);
          }
          await server.settle();
          const count = offsets(line).at(-1)!;
          assert(count > 680 && count <= 1_000, `${count} were sent, after ${first} one at a time`);
        }
      });
    }
  }

  it("is sent at most 1 MiB, of frames that are nearly full too", async () => {
    for (const size of [500, 1_000, 3_000, 31 * 1024]) {
      const server = start();
      const line = await server.connect();
      await line.joined();
      const data = encode(new Uint8Array(size));
      for (let sent = 0; sent < 2 * 1024 * 1024; sent += 63_000) {
        for (let i = 0; i < Math.floor(63_000 / data.length); i++) server.broker.add(NAME, data);
        await server.clock.settleFor(1);
      }
      await server.settle();
      const count = offsets(line).length;
      assert((count - 1) * data.length <= 1024 * 1024, `${count} of ${data.length} bytes were sent`);
      assert(count > 680 || count * data.length > 800 * 1024, `${count} of ${data.length} bytes were sent`);
    }
  });

  it("is closed as too slow when it is silent too, though the kernel has taken all that it was sent", async () => {
    const server = start({ heartbeat: 15_000, grace: 8_000 });
    const [slow, quiet] = [await server.connect(), await server.connect()];
    await slow.joined();
    await quiet.joined("board/8");
    await publish(server, 1_500);
    await server.clock.advance(24_000);
    assertEquals(slow.closed, CloseCode.TOO_SLOW);
    assertEquals(quiet.closed, CloseCode.SILENT);
  });

  it("is sent at most 1 MiB", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 40, 64 * 1024);
    const first = offsets(line);
    assert(first.length >= 14 && first.length <= 16, `${first.length} were sent`);
    const heard = [...first];
    for (let i = 0; i < 5; i++) {
      line.send([Kind.SEEN, alias, heard.at(-1)!]);
      await server.settle();
      const next = offsets(line);
      assert(next.length <= 16, `${next.length} were sent`);
      heard.push(...next);
    }
    assertEquals(heard, range(1, 40));
  });

  it("at the top is not sent more because it has seen a little", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 1);
    await publish(server, 14, 66_000); // less than 128 KiB are left of 1 MiB
    assertEquals(offsets(line), range(1, 15));
    line.send([Kind.SEEN, alias, 1]);
    await publish(server, 2, 60_000);
    assertEquals(offsets(line), []);
    line.send([Kind.SEEN, alias, 15]);
    await server.settle();
    assertEquals(offsets(line), [16, 17]);
  });

  it("is sent a single publication that is larger than all that", async () => {
    const server = start({ message: 4 * 1024 * 1024 });
    const line = await server.connect({ limits: { message: 4 * 1024 * 1024 } });
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 1, 2 * 1024 * 1024);
    assertEquals(offsets(line), [1]);
    line.send([Kind.SEEN, alias, 1]);
    await publish(server, 2, 2 * 1024 * 1024);
    assertEquals(offsets(line), [2], "and the next when it has been seen");
    line.send([Kind.SEEN, alias, 2]);
    await server.settle();
    assertEquals(offsets(line), [3]);
  });

  it("whose history is trimmed meanwhile is reset, and the connection stays", async () => {
    const server = start();
    server.broker.keeps = 100;
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 1_500);
    const first = offsets(line);
    line.send([Kind.SEEN, alias, first.length]);
    await server.settle();
    assertEquals(told(line.take()), [{ status: RESET, at: 1_500 }]);
    await publish(server, 1);
    assertEquals(offsets(line), [1_501]);
    assertEquals(line.closed, undefined);
  });

  it("does not hold up the others", async () => {
    const server = start();
    const [lazy, keen] = [await server.connect(), await server.connect()];
    await lazy.joined();
    const [[, , alias]] = await keen.joined() as [[number, number, number]];
    const heard: number[] = [];
    for (let i = 0; i < 10; i++) {
      await publish(server, 200);
      heard.push(...offsets(keen));
      keen.send([Kind.SEEN, alias, heard.at(-1)!]);
    }
    assertEquals(heard, range(1, 2_000));
    assert(offsets(lazy).length <= 1_000);
  });
});

describe("SEEN", () => {
  it("of what was never sent closes with 4400", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 3);
    line.send([Kind.SEEN, alias, 4]);
    await server.settle();
    assertEquals(line.closed, 4400);
  });

  it("of an alias that is none any more is late, and ignored", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 3);
    server.broker.streams.delete(NAME);
    server.broker.doubt(NAME);
    line.send([Kind.SEEN, alias, 3]);
    await server.settle();
    assertEquals(line.closed, undefined);
  });

  it("may come twice, and say less than before", async () => {
    const server = start();
    const line = await server.connect();
    const [[, , alias]] = await line.joined() as [[number, number, number]];
    await publish(server, 800);
    line.send([Kind.SEEN, alias, 800], [Kind.SEEN, alias, 800], [Kind.SEEN, alias, 5]);
    await publish(server, 800);
    assertEquals(offsets(line), range(1, 1_600));
  });
});

describe("a socket that is full", () => {
  it("is given nothing more, and what is missing when it has drained", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.pipe.stall();
    await publish(server, 12, 32 * 1024);
    assert(line.pipe.buffered <= 256 * 1024 + 4096, `${line.pipe.buffered} bytes wait`);
    line.pipe.resume();
    await server.settle();
    assertEquals(offsets(line), range(1, 12));
    await publish(server, 1);
    assertEquals(offsets(line), [13]);
    assertEquals(line.closed, undefined);
  });

  it("is given no more of what is published in one turn either", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.pipe.stall();
    const data = encode(new Uint8Array(32 * 1024));
    for (let i = 0; i < 200; i++) server.broker.add(NAME, data);
    await server.clock.settleFor(1);
    assert(line.pipe.buffered <= 256 * 1024, `${line.pipe.buffered} bytes wait`);
    line.pipe.resume();
    const heard: number[] = [];
    for (let i = 0; i < 50 && heard.length < 200; i++) {
      await server.settle();
      heard.push(...offsets(line));
      line.send([Kind.SEEN, 1, heard.at(-1)!]);
    }
    assertEquals(heard, range(1, 200));
  });

  it("is given one frame too many by all its channels together, not by each", async () => {
    const server = start();
    const line = await server.connect();
    const names = Array.from({ length: 10 }, (_, i) => `board/${i}`);
    for (const name of names) await line.joined(name);
    line.pipe.stall();
    for (let round = 0; round < 8; round++) {
      for (const name of names) server.broker.add(name, encode(new Uint8Array(30 * 1024)));
      await server.settle();
    }
    assert(line.pipe.buffered <= (192 + 31) * 1024, `${line.pipe.buffered} bytes wait`);
    line.pipe.resume();
    await server.settle();
    assertEquals(offsets(line).length, 80);
  });

  it("is told once of what comes after its stream was replaced by another", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.pipe.stall();
    await publish(server, 4, 60 * 1024);
    server.broker.streams.delete(NAME);
    server.broker.doubt(NAME);
    await server.settle();
    line.pipe.step(3); // there is room, but it has not drained
    await server.settle();
    line.take();
    await publish(server, 2);
    line.pipe.resume();
    await server.settle();
    const ofTheNew = line.takeOf(Kind.PUBLICATION).filter(([, alias]) => alias !== 1);
    assertEquals(ofTheNew.map(([, , offset]) => offset), [1, 2]);
  });

  it("that nobody empties is cut with 4503", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.pipe.stall();
    await publish(server, 12, 32 * 1024);
    await server.clock.advance(7_000);
    assertEquals(line.closed, undefined);
    await server.clock.advance(2_000);
    assertEquals(line.closed, 4503);
    assertEquals(server.node.stats().subscriptions, 0);
  });

  it("that is emptied slowly is not cut", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.pipe.stall();
    await publish(server, 20, 32 * 1024);
    for (let s = 0; s < 7; s++) {
      line.pipe.step();
      await server.clock.advance(7_000);
    }
    assertEquals(line.closed, undefined);
    line.pipe.resume();
    await server.settle();
    const first = offsets(line);
    assert(first.length > 15, `${first.length} came`); // half of what it may be ahead, and the rest when it has seen them
    line.send([Kind.SEEN, 1, first.at(-1)!]);
    await server.settle();
    assertEquals([...first, ...offsets(line)], range(1, 20));
  });

  it("is not filled over by the histories of many channels that are read at once", async () => {
    const server = start();
    const names = Array.from({ length: 20 }, (_, i) => `board/${i}`);
    const data = encode(new Uint8Array(24 * 1024));
    for (const name of names) for (let i = 0; i < 10; i++) server.broker.add(name, data);
    const line = await server.connect();
    line.pipe.stall();
    for (const name of names) line.subscribe(name, null, { rewind: 10 });
    await server.settle();
    assert(line.pipe.buffered <= (192 + 64 + 25) * 1024, `${line.pipe.buffered} bytes wait`);
    line.pipe.resume();
    await server.settle();
    assertEquals(offsets(line).length, 200);
    assertEquals(line.closed, undefined);
  });

  it("is given no signals, which are lost", async () => {
    const server = start();
    const line = await server.connect();
    await line.joined();
    line.pipe.stall();
    await publish(server, 12, 32 * 1024);
    server.broker.signal(NAME, encode("lost"), undefined);
    await server.settle();
    line.pipe.resume();
    await server.settle();
    assertEquals(line.takeOf(Kind.SIGNALLED), []);
  });
});

describe("catching up", () => {
  it("goes in pages, and is live in the turn in which it comes to the top", async () => {
    const server = start();
    await publish(server, 30, 32 * 1024);
    const { epoch } = server.broker.stream(NAME);
    const line = await server.connect();
    line.subscribe(NAME, [epoch, 0, 0]);
    const most = line.pipe.most;
    await server.settle();
    assert(line.pipe.most <= Math.max(most, 300 * 1024), `${line.pipe.most} bytes at once`);
    const heard = offsets(line);
    assertEquals(heard, range(1, heard.length));
    await publish(server, 3, 10);
    line.send([Kind.SEEN, 1, heard.length]);
    await server.settle();
    assertEquals([...heard, ...offsets(line)], range(1, 33));
  });

  it("while others publish: everything once, in order", async () => {
    const server = start();
    await publish(server, 300, 1_000);
    const { epoch } = server.broker.stream(NAME);
    server.broker.isSlow = true;
    const line = await server.connect();
    line.subscribe(NAME, [epoch, 0, 0]);
    for (let i = 0; i < 40; i++) {
      server.broker.isSlow = false;
      server.broker.add(NAME, encode(i));
      server.broker.isSlow = true;
      await server.clock.settleFor(2);
      server.broker.answer(1);
      await server.clock.settleFor(2);
    }
    while (server.broker.waiting > 0) {
      server.broker.answer();
      await server.settle();
    }
    assertEquals(offsets(line), range(1, 340));
  });

  it("of a crowd asks the broker once", async () => {
    const server = start();
    await publish(server, 200);
    const { epoch } = server.broker.stream(NAME);
    const lines: Line[] = [];
    for (let i = 0; i < 50; i++) lines.push(await server.connect());
    await lines[0]!.joined();
    server.broker.isSlow = true;
    server.broker.asked.length = 0;
    for (const line of lines.slice(1)) line.subscribe(NAME, [epoch, 0, 0]);
    await server.settle();
    assertEquals(server.broker.asked, ["read board/7"]);
    server.broker.answer();
    await server.settle();
    for (const line of lines.slice(1)) assertEquals(offsets(line), range(1, 200));
  });
});

describe("a client that accepts less than others", () => {
  it("is told of what is too large for it, and gets the rest", async () => {
    const server = start();
    const [small, large] = [await server.connect({ limits: { message: 2_048 } }), await server.connect()];
    for (const line of [small, large]) await line.joined();
    await publish(server, 1, 100);
    await publish(server, 1, 4_000);
    await publish(server, 1, 100);
    assertEquals(offsets(large), [1, 2, 3]);
    const heard = small.take();
    assertEquals(heard.map(([kind]) => kind), [Kind.PUBLICATION, Kind.GAP, Kind.PUBLICATION]);
    const { fingerprint } = server.broker.stream(NAME).entries[1]!;
    assertEquals(heard[1], [Kind.GAP, 1, 2, 2, fingerprint, "too large"]);
  });

  it("gets what came close together in frames that it accepts", async () => {
    const server = start();
    const line = await server.connect({ limits: { message: 1_024, messages: 3 } });
    await line.joined();
    const before = line.pipe.frames.length;
    for (let i = 0; i < 9; i++) server.broker.add(NAME, encode("x".repeat(300)));
    await server.settle();
    assertEquals(offsets(line), range(1, 9));
    assertEquals(line.pipe.frames.slice(before).map((frame) => frame.length <= 1_024), Array(3).fill(true));
  });
});
