/**
 * The code that the connections of a client may need beside what every client has: to answer the server, and for streams and large messages.
 *
 * @module
 */
import type { AwaitingCode, BulkCode, BulkSource } from "../rpc/bulk_source.ts";
import type { Clock } from "../rpc/clock.ts";
import type { ErasedFunction } from "../rpc/contract.ts";
import type { CallError } from "../rpc/errors.ts";
import type { OutgoingCall } from "../rpc/outgoing_call.ts";
import { Late, type Source } from "./late.ts";
import type { ChannelsModule } from "./late_channels.ts";
import type { Offered } from "./offers.ts";
import { Waiting } from "./waiting.ts";

/** The module that answers the server. Its calls may bring streams, so it has their code. */
export interface OffersModule {
  /** Makes what is offered. */
  readonly Offered: typeof Offered;
  /** Streams and large messages. */
  readonly BULK_CODE: BulkCode;
}

/** Where the code of the parts comes from that not every program uses. */
export interface Sources {
  /** Channels. */
  readonly channels: Source<ChannelsModule>;
  /** Streams and large messages. */
  readonly bulk: Source<BulkCode>;
  /** What answers the server. */
  readonly offers: Source<OffersModule>;
}

/** Whose code it is. */
export interface LateCodeOwner {
  /** What the server may call. */
  readonly handlers: ReadonlyMap<string, ErasedFunction>;
  /** How many calls may wait for code. */
  readonly calls: number;
  /** Takes a call that has waited: it is sent, waits once more, or waits for a connection. */
  again(call: OutgoingCall, deadline: number): void;
}

/** The code of one client. */
export class LateCode implements BulkSource {
  /** What the server may call, when its code is there. */
  offered: Offered | undefined;
  /** While there is a connection: a call that waits for code, and all that follow it. */
  readonly postponed: Waiting;
  readonly #bulk: Late<BulkCode>;
  readonly #offers: Late<OffersModule> | undefined;
  readonly #again: LateCodeOwner["again"];
  #isAwaited = false;
  #failure: CallError | undefined;

  /** Loads what answers the server, if it may call anything. */
  constructor(clock: Clock, { bulk, offers }: Sources, { handlers, calls, again }: LateCodeOwner) {
    this.#again = again;
    this.postponed = new Waiting(clock, {
      most: calls,
      what: "a part of the client",
      unblocked: () => this.release(),
    });
    this.#bulk = new Late(clock, bulk);
    if (handlers.size === 0) return;
    this.#offers = new Late(clock, offers, ({ Offered, BULK_CODE }) => {
      this.offered = new Offered(handlers);
      this.#bulk.have(BULK_CODE);
    });
    this.#offers.load();
  }

  get code(): BulkCode | undefined {
    return this.#bulk.code;
  }

  /** Whether a connection can be made: the server may call at once. */
  get isReady(): boolean {
    return this.#offers === undefined || this.offered !== undefined;
  }

  /** Resolves when it can. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#offers!.wait({ run: () => resolve(), fail: reject });
    });
  }

  /** Streams will be needed. */
  loadBulk(): void {
    this.#bulk.load();
  }

  await(peer: AwaitingCode): void {
    this.#bulk.wait({
      run: () => peer.codeArrived(),
      fail: (error) => peer.codeFailed(error),
    });
  }

  postpone(call: OutgoingCall, deadline: number): void {
    if (this.#failure !== undefined) return call.reject(this.#failure);
    this.postponed.add(call, deadline);
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#bulk.wait({ run: () => this.#loaded(undefined), fail: (error) => this.#loaded(error) });
  }

  /** Hands on what was postponed, in order: the code is there, there is no connection any more, or who waited for it was given up. */
  release(): void {
    this.postponed.release(this.#again);
  }

  /** There is a network. */
  hurry(): void {
    this.#bulk.hurry();
    this.#offers?.hurry();
  }

  /** Nothing is needed any more. */
  end(error: CallError): void {
    this.postponed.end(error);
    this.#bulk.end(error);
    this.#offers?.end(error);
  }

  /** `failure` is what calls end with that cannot do without the code. */
  #loaded(failure: CallError | undefined): void {
    this.#isAwaited = false;
    this.#failure = failure;
    this.release();
    this.#failure = undefined;
  }
}
