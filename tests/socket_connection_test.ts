import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Owner } from "./suites/connection_owner.ts";

const microtasks = (): Promise<void> => Promise.resolve();

describe("send()", () => {
  for (const announcesDrain of [false, true]) {
    describe(
      announcesDrain ? "on a runtime that announces drain" : "on a runtime that has to be polled",
      () => {
        let owner: Owner;
        beforeEach(() => {
          owner = new Owner({ announcesDrain }).open();
        });

        function progress(): void {
          if (announcesDrain) owner.connection.drained();
          else owner.timers.turn();
        }

        it("hands at most runtimeBuffer bytes to the runtime and queues the rest in order", () => {
          const { connection, link } = owner;
          const results = [1, 2, 3, 4].map((n) => connection.send(new Uint8Array(400).fill(n)));
          assertEquals(results, ["sent", "sent", "queued", "queued"]);
          assertEquals([link.buffered(), connection.buffered], [800, 1_600]);
          link.read(1);
          progress();
          assertEquals([link.buffered(), connection.buffered], [800, 1_200]);
          link.read();
          progress();
          link.read();
          progress();
          assertEquals(link.received.map((frame) => frame[0]), [1, 2, 3, 4]);
          assertEquals(owner.log, ["drain"]);
        });

        it("hands one larger frame over when nothing waits", () => {
          const { connection, link } = owner;
          assertEquals(connection.send(new Uint8Array(4_000)), "sent");
          assertEquals(connection.send(new Uint8Array(1)), "queued");
          assertEquals(connection.send(new Uint8Array(4_000)), "queued");
          link.read();
          progress();
          assertEquals(link.buffered(), 1);
          link.read();
          progress();
          assertEquals(link.buffered(), 4_000);
        });

        it("keeps order: a small frame does not pass a large one that waits", () => {
          const { connection } = owner;
          connection.send(new Uint8Array(600));
          assertEquals(connection.send(new Uint8Array(600)), "queued");
          assertEquals(connection.send(new Uint8Array(1)), "queued");
        });

        it("cuts at the byte over the limit: exactly the limit is taken", () => {
          const { connection, link } = owner;
          connection.send(new Uint8Array(1_000));
          assertEquals(connection.send(new Uint8Array(8_000)), "queued");
          assertEquals(connection.send(new Uint8Array(1_000)), "queued");
          assertEquals(connection.buffered, 10_000);
          assertEquals(connection.send(new Uint8Array(1)), "closed");
          assertEquals([connection.buffered, connection.open], [0, false]);
          assertEquals(link.closes, ["4503 too slow"]);
        });

        it("counts tiny frames for what they take, not for their bytes", () => {
          const { connection } = owner;
          connection.send(new Uint8Array(1_000));
          let queued = 0;
          while (connection.send(new Uint8Array(1)) === "queued") queued++;
          assert(queued < 10_000 / 250, `${queued} frames`);
        });

        it("copies what it queues, unless it is shared", () => {
          const { connection, link } = owner;
          const frame = new Uint8Array(700).fill(1);
          connection.send(frame);
          connection.send(frame);
          connection.send(frame, { shared: true });
          frame.fill(2);
          for (let i = 0; i < 3; i++) {
            link.read();
            progress();
          }
          assertEquals(link.received.map((received) => received[0]), [1, 1, 2]);
        });

        it("leaves no timer once everything is gone", () => {
          const { connection, link, timers } = owner;
          connection.send(new Uint8Array(900));
          connection.send(new Uint8Array(900));
          link.read();
          progress();
          link.read();
          progress();
          timers.advance(2_000);
          timers.turn();
          assertEquals(timers.pending, 0);
          assertEquals(owner.log, ["drain"]);
        });
      },
    );
  }

  it("polls in every turn while the peer reads, and every 10 ms while it does not", () => {
    const { connection, link, timers } = new Owner().open();
    for (let i = 0; i < 4; i++) connection.send(new Uint8Array(900).fill(i));
    for (let turns = 0; turns < 5; turns++) timers.turn();
    link.read();
    timers.turn();
    assertEquals(link.buffered(), 900, "some turns without progress are nothing");
    for (let turns = 0; turns < 20; turns++) timers.turn();
    link.read();
    for (let turns = 0; turns < 20; turns++) timers.turn();
    assertEquals(link.buffered(), 0, "idle by now");
    timers.advance(10);
    assertEquals(link.buffered(), 900);
    link.read();
    timers.turn();
    assertEquals(link.buffered(), 900, "moving again");
  });

  it("returns closed when the runtime has closed, and waits closeTimeout for its event", async () => {
    const owner = new Owner().open();
    owner.link.gone = true;
    assertEquals(owner.connection.send(new Uint8Array(1)), "closed");
    assertEquals(owner.log, []);
    owner.connection.closed(4002, "theirs");
    assertEquals(owner.log, ["close 4002 theirs"]);
    const other = new Owner().open();
    other.link.gone = true;
    other.connection.send(new Uint8Array(1));
    other.timers.advance(500);
    await microtasks();
    assertEquals(other.log, ["close 1006"]);
  });

  it("takes nothing but bytes", () => {
    const { connection } = new Owner().open();
    for (const frame of ["text", new ArrayBuffer(1), new Uint16Array(1), undefined]) {
      assertThrows(() => connection.send(frame as unknown as Uint8Array), TypeError, "not a Uint8Array");
    }
  });

  it("returns closed before open and after close", () => {
    const owner = new Owner();
    assertEquals(owner.connection.send(new Uint8Array(1)), "closed");
    owner.open().connection.close();
    assertEquals(owner.connection.send(new Uint8Array(1)), "closed");
    assertEquals(owner.link.buffered(), 0);
  });
});

describe("a stalled peer", () => {
  it("is terminated when no byte leaves for the stall deadline, and frees everything of ours", async () => {
    const owner = new Owner().open();
    const { connection, link, timers } = owner;
    connection.send(new Uint8Array(900));
    connection.send(new Uint8Array(900));
    timers.advance(4_000);
    assertEquals(link.terminated, 0);
    timers.advance(1_000);
    assertEquals([link.terminated, owner.lingering, connection.buffered], [1, 1, 0]);
    await microtasks();
    assertEquals(owner.log, ["close 1006 stalled"]);
    assertEquals(owner.sockets.size, 0);
    timers.turn();
    assertEquals(timers.pending, 0);
    link.letGo?.();
    assertEquals(owner.lingering, 0);
    connection.closed(1006, "");
    assertEquals(owner.log.length, 1);
  });

  it("is one that reads nothing: slow progress is progress", () => {
    const owner = new Owner().open();
    const { connection, link, timers } = owner;
    for (let i = 0; i < 10; i++) connection.send(new Uint8Array(900));
    for (let i = 0; i < 9; i++) {
      timers.advance(3_500);
      link.read(1);
      timers.turn();
    }
    assertEquals([link.terminated, connection.open], [0, true]);
  });

  it("is noticed though only the runtime's buffer has bytes", () => {
    const owner = new Owner().open();
    owner.connection.send(new Uint8Array(1));
    owner.timers.advance(6_000);
    assertEquals(owner.link.terminated, 1);
  });

  it("is not one that has just been sent to after a rest", () => {
    const owner = new Owner().open();
    const { connection, link, timers } = owner;
    connection.send(new Uint8Array(1));
    link.read();
    timers.advance(60_000);
    connection.send(new Uint8Array(1));
    timers.advance(4_000);
    assertEquals(link.terminated, 0);
  });

  it("is found by the sweep when the drain event was lost", () => {
    const owner = new Owner({ announcesDrain: true }).open();
    const { connection, link, timers } = owner;
    connection.send(new Uint8Array(900));
    connection.send(new Uint8Array(900));
    link.read();
    timers.advance(1_000);
    assertEquals(link.buffered(), 900);
  });
});

describe("a peer that was cut", () => {
  it("has closeTimeout to read the close frame, then it is terminated", async () => {
    const owner = new Owner().open();
    const { connection, link, timers } = owner;
    connection.send(new Uint8Array(900));
    connection.send(new Uint8Array(20_000));
    connection.send(new Uint8Array(1));
    assertEquals(owner.log, [], "within send()");
    await microtasks();
    assertEquals(owner.log, ["close 4503 too slow"]);
    assertEquals([link.terminated, owner.lingering], [0, 0]);
    timers.advance(500);
    assertEquals([link.terminated, owner.lingering], [1, 1]);
  });

  it("is left alone when it closes in time", () => {
    const owner = new Owner().open();
    const { connection, link, timers } = owner;
    connection.send(new Uint8Array(900));
    connection.send(new Uint8Array(20_000));
    connection.send(new Uint8Array(1));
    connection.closed(4503, "");
    timers.advance(10_000);
    timers.turn();
    assertEquals([link.terminated, owner.lingering, timers.pending], [0, 0, 0]);
  });
});

describe("close()", () => {
  it("waits for the queue, then sends the close frame", () => {
    const owner = new Owner().open();
    const { connection, link, timers } = owner;
    connection.send(new Uint8Array(900));
    connection.send(new Uint8Array(900));
    connection.close(4000, "bye");
    assertEquals(link.closes, []);
    link.read();
    timers.turn();
    assertEquals(link.closes, ["4000 bye"]);
    connection.closed(1005, "");
    assertEquals(owner.log, ["close 4000 bye"]);
    timers.turn();
    assertEquals(timers.pending, 0);
  });

  it("ends by force after closeTimeout, with its own code", async () => {
    const owner = new Owner().open();
    owner.connection.close(4000, "bye");
    owner.timers.advance(499);
    assertEquals(owner.link.terminated, 0);
    owner.timers.advance(1);
    await microtasks();
    assertEquals([owner.link.terminated, owner.log.join()], [1, "close 4000 bye"]);
  });

  it("refuses codes that may not be sent, before anything else", () => {
    const owner = new Owner().open();
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN, 70_000]) {
      assertThrows(() => owner.connection.close(code), RangeError, "Cannot close with code");
    }
    assert(owner.connection.open);
    for (const code of [1000, 1001, 1003, 1007, 1014, 3000, 4999]) new Owner().open().connection.close(code);
  });

  it("of the peer is reported once, whatever comes after", () => {
    const owner = new Owner().open();
    owner.connection.closed(1001, "left");
    owner.connection.closed(1006, "");
    owner.connection.received(new Uint8Array(1));
    owner.connection.drained();
    owner.connection.close();
    owner.connection.terminate();
    assertEquals(owner.log, ["close 1001 left"]);
    assertEquals([owner.link.terminated, owner.lingering], [0, 0]);
  });

  it("of a socket that never opened is not reported, nor is its opening afterwards", () => {
    const owner = new Owner();
    owner.connection.closed(1006, "");
    owner.connection.opened(owner.link);
    assertEquals([owner.log.length, owner.sockets.size], [0, 0]);
  });

  it("is at once for a socket that opens while the server is stopping", () => {
    const owner = new Owner();
    owner.stopping = true;
    owner.connection.opened(owner.link);
    assertEquals([owner.log.length, owner.link.closes.join()], [0, "1001 "]);
  });
});

describe("pause()", () => {
  it("says what the runtime can do", () => {
    const can = new Owner({ announcesDrain: true }).open();
    assert(can.connection.pause());
    assert(can.link.paused);
    can.connection.resume();
    assertFalse(can.link.paused);
    assertFalse(new Owner().open().connection.pause());
    can.connection.close();
    assertFalse(can.connection.pause());
  });
});
