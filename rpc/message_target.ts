/**
 * Which message a program means to change.
 *
 * @module
 */
import type { ChangeKind } from "./broker.ts";
import type { MessageTarget } from "./interactions.ts";
import { isUint } from "./uint.ts";

/** A change as it is asked for. */
export interface AskedChange {
  /** What is done. */
  readonly kind: ChangeKind;
  /** The offset of the message. */
  readonly target: number;
  /** The life of the stream, where it was said. */
  readonly epoch: string | undefined;
}

/**
 * Reads a target.
 *
 * @throws {TypeError} If it is none.
 */
export function askedChange(kind: ChangeKind, target: MessageTarget): AskedChange {
  const { epoch, offset } = typeof target === "object" && target !== null
    ? target
    : { epoch: undefined, offset: target };
  if (!isUint(offset) || offset === 0 || (epoch !== undefined && !isEpoch(epoch))) {
    throw new TypeError(`Cannot ${kind} a message: the target is no offset and no position`);
  }
  return { kind, target: offset, epoch };
}

/** Whether it names a life of a stream: none has an empty name, which brokers may take for none. */
export function isEpoch(epoch: unknown): epoch is string {
  return typeof epoch === "string" && epoch !== "";
}
