// One sending half of a connection on a socket that counts.
import { DEFAULT_LIMITS, peerLimits } from "../../rpc/limits.ts";
import { writePayload, writeResultHead } from "../../rpc/messages.ts";
import { Outbox } from "../../rpc/outbox.ts";
import { ManualClock } from "./manual_clock.ts";

/** A socket as runtimes make them: it counts its own headers, and takes nothing from the caller until it drains. */
export class CountingSocket {
  readonly frames: Uint8Array[] = [];
  buffered = 0;
  asked = 0;

  readonly transport = {
    owner: this,
    send: (frame: Uint8Array): void => {
      this.frames.push(frame.slice());
      this.buffered += frame.length + (frame.length < 126 ? 2 : frame.length < 65_536 ? 4 : 10);
    },
    get buffered(): number {
      this.owner.asked++;
      return this.owner.buffered;
    },
    requestDrain: (): void => {},
    close: (): void => {},
  };
}

/** What sends on it, as on a connection that was welcomed. */
export function outboxOn(socket: CountingSocket, clock = new ManualClock(), limits = DEFAULT_LIMITS): Outbox {
  return new Outbox({
    clock,
    transport: socket.transport,
    owner: { beforeFlush: () => {}, stalled: () => {}, patience: 1_000 },
    peer: peerLimits(limits),
    welcomed: true,
  });
}

/** Writes the answer of a call, of so many bytes. */
export function answer(outbox: Outbox, size: number, id = 1): void {
  outbox.open();
  writeResultHead(outbox.nextSequence, id);
  writePayload(new Uint8Array(size));
  outbox.sealReliable();
  outbox.answered();
}
