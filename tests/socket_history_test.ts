import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Owner } from "./suites/connection_owner.ts";

describe("any history of sends and reads", () => {
  const step = fc.oneof(
    fc.record({ send: fc.integer({ min: 0, max: 1_500 }), shared: fc.boolean() }),
    fc.record({ read: fc.integer({ min: 1, max: 3 }) }),
    fc.constant({ turn: true }),
  );

  for (const announcesDrain of [false, true]) {
    it(`delivers a prefix in order, keeps the bounds and leaves no timer (${announcesDrain ? "Bun" : "Deno"})`, () => {
      fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const owner = new Owner({ announcesDrain }).open();
        const { connection, link, timers, limits } = owner;
        const accepted: number[] = [];
        let largest = 0;
        for (const step of steps) {
          if ("send" in step) {
            largest = Math.max(largest, step.send);
            const frame = new Uint8Array(step.send).fill(accepted.length);
            if (connection.send(frame, { shared: step.shared }) !== "closed") accepted.push(step.send);
          } else if ("read" in step) {
            link.read(step.read);
            if (announcesDrain) connection.drained();
          } else {
            timers.turn();
            timers.advance(10);
          }
          assert(link.buffered() <= Math.max(limits.runtimeBuffer, largest));
          assert(connection.buffered <= limits.queue + limits.runtimeBuffer + largest);
        }
        do {
          link.read();
          connection.drained();
        } while (connection.buffered > 0);
        link.read();
        const received = link.received.map((frame) => frame.byteLength);
        assertEquals(received, accepted.slice(0, received.length));
        if (connection.open) assertEquals(received, accepted);
        connection.closed(1006, "");
        timers.turn();
        assertEquals(timers.pending, 0);
      }));
    });
  }
});
