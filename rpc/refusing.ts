/**
 * The answering half of a connection that has nothing to be called.
 *
 * @module
 */
import type { Answering, CalledPeer } from "./callee_parts.ts";
import { CallError } from "./errors.ts";
import type { Received } from "./incoming_call.ts";
import { writeError } from "./messages.ts";

/** Says of every call that there is no such procedure. */
export class Refusing implements Answering {
  refuseWith: CallError | undefined;
  onEnd: (() => void) | undefined;
  readonly inFlight = 0;
  readonly held = 0;
  readonly #peer: CalledPeer;

  /** Answers nothing yet. */
  constructor(peer: CalledPeer) {
    this.#peer = peer;
  }

  accept(_method: string | number, { id, items, ...input }: Received): void {
    const { outbox, streams } = this.#peer;
    // First, since it may need code that is not there.
    if (items !== undefined) streams.receiveItems(items).stop();
    streams.discardNamed(input);
    outbox.open();
    writeError(outbox.nextSequence, id, new CallError("NOT_FOUND"));
    outbox.sealReliable();
  }

  acceptPlain(): boolean {
    return false;
  }

  cancel(): void {}

  cut(): number {
    return 0;
  }

  detach(): void {}

  attach(): void {}

  end(): void {}
}
