/**
 * The code that the connections of a client may need beside what every client has: to answer the server, and for streams and large messages.
 *
 * @module
 */
import type { AwaitingCode, BulkCode, BulkSource } from "../rpc/bulk_source.ts";
import type { Clock } from "../rpc/clock.ts";
import { CloseCode } from "../rpc/close.ts";
import type { ErasedFunction } from "../rpc/contract.ts";
import type { CallError } from "../rpc/errors.ts";
import type { OutgoingCall } from "../rpc/outgoing_call.ts";
import { ProtocolError } from "../rpc/protocol_error.ts";
import { Late, type Source } from "./late.ts";
import type { ChannelsModule } from "./late_channels.ts";
import type { Offered } from "./offers.ts";

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

/** What has calls that wait. */
export interface Postponing {
  /** Keeps a call. */
  keep(call: OutgoingCall, deadline: number): void;
  /** Sends what was kept, in order, if there is a connection. */
  release(): void;
}

/** The code of one client. */
export class LateCode implements BulkSource {
  /** What the server may call, when its code is there. */
  offered: Offered | undefined;
  /** Whether a call waits for code: those behind it wait with it. */
  isPostponing = false;
  readonly #bulk: Late<BulkCode>;
  readonly #offers: Late<OffersModule> | undefined;
  readonly #calls: Postponing;
  #failure: CallError | undefined;

  /** Loads what answers the server, if it may call anything. */
  constructor(
    clock: Clock,
    { bulk, offers }: Sources,
    { handlers, calls }: { handlers: ReadonlyMap<string, ErasedFunction>; calls: Postponing },
  ) {
    this.#calls = calls;
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
      fail: (cause) => peer.fault(new ProtocolError(cause.message, CloseCode.SERVER_FAULT, { cause })),
    });
  }

  postpone(call: OutgoingCall, deadline: number): void {
    if (this.#failure !== undefined) return call.reject(this.#failure);
    this.#calls.keep(call, deadline);
    if (this.isPostponing) return;
    this.isPostponing = true;
    this.#bulk.wait({ run: () => this.#release(undefined), fail: (error) => this.#release(error) });
  }

  /** There is a network. */
  hurry(): void {
    this.#bulk.hurry();
    this.#offers?.hurry();
  }

  /** Nothing is needed any more. */
  end(error: CallError): void {
    this.#bulk.end(error);
    this.#offers?.end(error);
  }

  /** `failure` is what calls end with that cannot do without the code. */
  #release(failure: CallError | undefined): void {
    this.isPostponing = false;
    this.#failure = failure;
    this.#calls.release();
    this.#failure = undefined;
  }
}
