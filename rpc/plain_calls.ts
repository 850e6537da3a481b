/**
 * The short way of a small call: nothing stands between it and its handler, and it has ended when the handler returns.
 * It is written into no book and its {@linkcode IncomingCall} is made only when somebody needs it; on Bun an entry of a `Map` that
 * comes and goes costs 67 ns, and what is allocated for a call is a third of its time.
 *
 * @module
 */
import { answer, type AnsweringPeer } from "./answers.ts";
import { decodeFor } from "./first_stream.ts";
import { HandlerContext } from "./handler_context.ts";
import type { CallSurroundings, IncomingCall, Registered } from "./incoming_call.ts";
import { isPromise } from "./iterating.ts";
import { runDecoded, undecodable } from "./pipeline.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import type { Receiver } from "./receiver.ts";
import type { Claimant } from "./streams.ts";

/** Whose calls they are, and what becomes of one that turns out not to be one of these. It is in the owner's books by then. */
export interface PlainCallOwner extends CallSurroundings {
  /** The call goes on, or all calls are to be found: it is written down. */
  register(call: IncomingCall): void;
  /** It has ended well, and was never written down. */
  ended(): void;
  /** Its handler has given a promise. */
  awaitAnswer(call: IncomingCall, later: PromiseLike<unknown>): void;
  /** The connection went while its handler ran, which gave this; `undefined` when it went while that was written. */
  answer(call: IncomingCall, value: unknown): void;
  /** Context, input, check or handler failed. */
  fail(call: IncomingCall, error: unknown): void;
  /** What the handler gave cannot be sent. */
  failAnswer(call: IncomingCall, error: unknown): void;
}

/** Whether calls of a procedure may go this way when they carry no options. */
export function isPlain({ shape, ordered, timeout, allow }: ProcedureDefinition): boolean {
  return shape === "value" && !ordered && timeout === undefined && allow === undefined;
}

/** Runs plain calls, one at a time. */
export class PlainCalls implements Claimant {
  readonly #owner: PlainCallOwner;
  readonly #peer: AnsweringPeer;
  /** The context of the call whose handler runs at this moment, while it is in no book. */
  #running: HandlerContext | undefined;
  /** Bytes of its input. */
  #size = 0;

  constructor(owner: PlainCallOwner, peer: AnsweringPeer) {
    this.#owner = owner;
    this.#peer = peer;
  }

  /** Whether a handler runs that was started here and has not returned. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Runs a call to its end where that comes at once. `bytes` belong to the call: values of its input are views of them. */
  run(registered: Registered, id: number, bytes: Uint8Array, start: number, end: number): void {
    const context = HandlerContext.plain(registered, this.#owner, id);
    this.#running = context;
    this.#size = end - start;
    let given: unknown;
    let isLater: boolean;
    let isDecoding = true;
    try {
      const input = decodeFor(this.#peer, bytes, start, end, this);
      isDecoding = false;
      HandlerContext.share(context);
      given = runDecoded(registered.definition, context, input);
      isLater = isPromise(given);
    } catch (error) {
      return this.#owner.fail(this.#registered(context), isDecoding ? undecodable(error) : error);
    }
    if (isLater) return this.#owner.awaitAnswer(this.#registered(context), given as PromiseLike<unknown>);
    if (this.#running !== context) return this.#owner.answer(HandlerContext.callOf(context), given);
    this.#end(context, id, given);
  }

  /** Takes a byte stream of the input that is decoded. */
  claim(receiver: Receiver): void {
    HandlerContext.callOf(this.#running!).claim(receiver);
  }

  /** Writes the running call down, if one is running. */
  register(): void {
    if (this.#running !== undefined) this.#registered(this.#running);
  }

  #end(context: HandlerContext, id: number, given: unknown): void {
    try {
      answer(this.#peer, id, given);
    } catch (error) {
      return this.#owner.failAnswer(this.#registered(context), error);
    }
    if (this.#running !== context) return this.#owner.answer(HandlerContext.callOf(context), undefined);
    this.#running = undefined;
    HandlerContext.madeCallOf(context)?.release();
    this.#owner.ended();
  }

  #registered(context: HandlerContext): IncomingCall {
    const call = HandlerContext.callOf(context);
    if (this.#running === context) {
      this.#running = undefined;
      call.size = this.#size;
      this.#owner.register(call);
    }
    return call;
  }
}
