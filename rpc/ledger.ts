/**
 * Calls that carry a key and run once, however often they are sent: who sends one again gets the reply of the first, or waits for it.
 *
 * @module
 */
import { encode } from "../msgpack/encoder.ts";
import type { Claim, Ledger } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { hashOf, scopeOf } from "./call_keys.ts";
import { CallError, type CallErrorCode } from "./errors.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { type Caused, Encoded, keptReply, readReply, ToldError } from "./kept_reply.ts";
import { isPromise } from "./iterating.ts";
import type { Limits } from "./limits.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { namesStreams } from "./named_streams.ts";
import { type AddressKey, ownerOf, Shares } from "./shares.ts";
import { isTaken, Unsettled } from "./unsettled.ts";
import { waitingFor } from "./waiting_for.ts";

/** What keyed calls need. */
export interface KeyedCallParts {
  /** Where replies are kept. */
  readonly ledger: Ledger;
  /** Time. */
  readonly clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout">;
  /** `posts` bounds all that belong to no connection: the calls as well that run on without their session. */
  readonly limits: Pick<Limits, "posts">;
  /** What to count an address under; itself by default. */
  readonly addressKey?: AddressKey | undefined;
  /** Names this node among those that share the ledger. */
  readonly node: string;
  /** Told when a reply could not be kept. */
  readonly report: (error: unknown) => void;
}

/** One call with its key. */
interface Keyed {
  readonly call: IncomingCall;
  readonly key: string;
  readonly owner: string;
  readonly hash: string;
  readonly invoke: () => unknown;
  readonly tell: (thrown: unknown) => CallError | Promise<CallError>;
}

/** A call that runs. */
interface Running {
  readonly call: IncomingCall;
  readonly hash: string;
  /** Made when somebody waits for it here: the ledger has lost its claim then. */
  done: PromiseWithResolvers<Uint8Array | undefined> | undefined;
}

/** How long a reply is kept, and how long the claim of a call that runs holds: a node that died frees its keys. */
const KEPT_MS = 10 * 60_000;
/** How often claims of calls that run are renewed. */
const RENEWAL_MS = KEPT_MS / 4;
/** Claims that are renewed at once: there may be many, and others wait for the ledger as well. */
const RENEWED_AT_ONCE = 256;
/** A reply above it does not wait for a ledger that is away: what is kept then is that the call has run. So 1,024 take 16 MiB at most. */
const MOST_WAITING_REPLY = 16_384;
/** Milliseconds that calls have to end when they were told that the node stops. */
const STOP_MS = 2_000;
/** Milliseconds that the ledger has then to take what they ended with: as long as a command may take in Redis. */
const LAST_MS = 5_000;

/** The calls with keys that clients of one node make. */
export class KeyedCalls {
  readonly #parts: KeyedCallParts;
  /** Calls that run here, by their keys. */
  readonly #running = new Map<string, Running>();
  /** Those whose session is over. */
  readonly #outliving = new Set<IncomingCall>();
  /** Those of them that were not told to stop. */
  readonly #left = new Shares<IncomingCall>();
  /** Calls that have run, which the ledger does not know yet. */
  readonly #unsettled: Unsettled;
  #timer: unknown;
  #isRenewing = false;
  /** Set when it drains: called when none of those is left. */
  #onEnd: (() => void) | undefined;
  #ended = false;

  /** Keeps replies where `parts` say. */
  constructor(parts: KeyedCallParts) {
    this.#parts = parts;
    this.#unsettled = new Unsettled(parts);
  }

  /**
   * Runs a call, or gives the reply that it had.
   *
   * @param invoke Runs the handler.
   * @param tell What the caller is told of what was thrown.
   * @returns Its value, as {@linkcode Encoded}.
   * @throws {ToldError} What its caller is told: `KEY_REUSED` when the key belongs to a call with another procedure or input, `BAD_INPUT`
   * when there can be no key, `UNAVAILABLE` when nobody can say whether it has run, and it did not run now, or when it has run and its value is gone,
   * `RESOURCE_EXHAUSTED` when so many keys are known that it could not run once.
   */
  run(
    call: IncomingCall,
    invoke: () => unknown,
    tell: (thrown: unknown) => CallError | Promise<CallError>,
  ): MaybePromise<Encoded> {
    const scope = scopeOf(call.surroundings.connection, this.#parts.node);
    if (scope === undefined) throw refused("BAD_INPUT", "A key needs a caller who says who it is");
    if (call.procedure.shape !== "value" || namesStreams(call)) { // the number of a stream says nothing of its bytes
      throw refused("BAD_INPUT", "A key is for calls from value to value");
    }
    // Of its bytes before they are anybody else's.
    return this.#claim({
      call,
      key: `${scope}\n${call.key}`,
      owner: scope,
      hash: hashOf(call),
      invoke,
      tell,
    });
  }

  /** Calls that run on though their session is over: no connection counts them. */
  get outliving(): number {
    return this.#outliving.size;
  }

  /**
   * The session of a call is over, and it runs on. Of too many the oldest is told to stop, of whoever has most: a retry finds that nobody
   * knows what came of it.
   */
  outlive(call: IncomingCall): void {
    if (call.isSettled) return;
    this.#outliving.add(call);
    if (call.brokenBy !== undefined) return;
    const left = this.#left;
    left.set(call, ownerOf(call.surroundings.connection, this.#parts.addressKey), 1);
    while (left.size > this.#parts.limits.posts) {
      const next = left.next!;
      left.delete(next);
      next.breakOff(unknownEnd("Too many calls run whose callers have left"));
    }
  }

  /**
   * Lets those end until `ms` from now, and tells the rest to stop: a retry finds that nobody knows what came of them, whether or not their handlers obey. Then
   * the ledger is told once more of what it does not know.
   *
   * @returns How many the rest were.
   */
  async drain(ms: number): Promise<number> {
    await this.#outlived(ms);
    const rest = [...this.#running.entries()].filter(([, { call }]) => this.#outliving.has(call));
    for (const [, { call }] of rest) call.breakOff(unknownEnd("The server stopped while the call ran"));
    await this.#outlived(STOP_MS);
    for (const [key, running] of rest) {
      if (this.#running.get(key) !== running) continue;
      const told = new ToldError(outcomeOf(running.call, running.call.brokenBy!));
      this.#settleLater(key, running.hash, keptReply(told, undefined));
    }
    await this.#unsettled.flush(LAST_MS);
    return rest.length;
  }

  /** The node has stopped: no claim is renewed and no reply waits any more, whatever still runs. */
  end(): void {
    this.#ended = true;
    this.#unsettled.end();
    this.#parts.clock.clearTimeout(this.#timer);
  }

  /** At once where the ledger answers at once: calls start in the order in which they come. */
  #claim(keyed: Keyed): MaybePromise<Encoded> {
    let claim: MaybePromise<Claim>;
    try {
      claim = this.#parts.ledger.claim(keyed.key, keyed.hash, KEPT_MS, keyed.owner);
    } catch {
      throw refused("UNAVAILABLE");
    }
    if (!(claim instanceof Promise)) return this.#claimed(claim, keyed);
    return claim.then((claimed) => this.#claimed(claimed, keyed), () => {
      throw refused("UNAVAILABLE");
    });
  }

  #claimed(claim: Claim, keyed: Keyed): MaybePromise<Encoded> {
    switch (claim.state) {
      case "new":
        return this.#known(keyed, true) ?? this.#first(keyed);
      case "done":
        return replyOf(claim.reply, keyed.call);
      case "running":
        return this.#wait(claim.done, keyed);
      case "gone":
        throw new ToldError(gone());
      case "full":
        return this.#known(keyed, false) ?? refuseNew();
      case "other":
        throw refused("KEY_REUSED");
    }
  }

  /** What this node knows of a call whose claim was lost. Where there was room for it, a claim of the one that asks is in that one's place now. */
  #known(keyed: Keyed, isClaimed: boolean): MaybePromise<Encoded> | undefined {
    const { key, hash, call } = keyed;
    const reply = this.#unsettled.get(key);
    const running = this.#running.get(key);
    if (reply === undefined && running === undefined) return undefined;
    const known = (reply ?? running)!.hash;
    if (known !== hash && !isClaimed) throw refused("KEY_REUSED");
    if (known !== hash) return this.#refuseOther(keyed, known);
    if (reply !== undefined) return replyOf(reply.kept, call);
    running!.done ??= Promise.withResolvers();
    return this.#wait(running!.done.promise, keyed);
  }

  /** Another call has claimed a key that is this node's: what it is settled with must be found by its own hash. */
  async #refuseOther({ key, owner }: Keyed, hash: string): Promise<never> {
    const { ledger, report } = this.#parts;
    try {
      await ledger.forget(key);
      await ledger.claim(key, hash, KEPT_MS, owner);
    } catch (error) {
      report(error);
    }
    throw refused("KEY_REUSED");
  }

  /** Until the one that runs has ended, or nobody waits here any more. Where it may succeed later that is now. */
  async #wait(done: Promise<Uint8Array | undefined>, keyed: Keyed): Promise<Encoded> {
    const { call } = keyed;
    if (call.brokenBy !== undefined) throw call.brokenBy;
    const givenUp = Promise.withResolvers<never>();
    call.onGivenUp = () => givenUp.reject(call.brokenBy);
    const reply = await Promise.race([done, givenUp.promise]);
    call.onGivenUp = undefined;
    return reply === undefined ? this.#claim(keyed) : replyOf(reply, call);
  }

  async #first(keyed: Keyed): Promise<Encoded> {
    const { call, invoke, tell } = keyed;
    if (call.brokenBy !== undefined) { // while the ledger was asked
      await this.#settle(keyed, undefined);
      throw call.brokenBy;
    }
    call.isKept = true;
    let value: Encoded;
    try {
      let given = invoke();
      if (isPromise(given)) {
        this.#begins(keyed);
        given = await given;
      }
      value = new Encoded(given === undefined ? new Uint8Array(0) : encode(given));
    } catch (thrown) {
      const { told, kept } = this.#kept(new ToldError(outcomeOf(call, await tell(thrown))), call.caused);
      await this.#settle(keyed, told.error.retryable ? undefined : kept);
      throw told;
    }
    await this.#settle(keyed, keptReply(value, call.caused));
    return value;
  }

  /** A declared error may have data that cannot be encoded: nobody is left waiting for it. */
  #kept(told: ToldError, caused: Caused | undefined): { told: ToldError; kept: Uint8Array } {
    try {
      return { told, kept: keptReply(told, caused) };
    } catch (error) {
      this.#parts.report(error);
      const internal = new ToldError(new CallError("INTERNAL"));
      return { told: internal, kept: keptReply(internal, caused) };
    }
  }

  /**
   * Keeps a reply; `undefined` where the same call may succeed later. The caller has it in any case. Where the ledger is away it goes on in the background for
   * as long as the claim may hold: until then whoever sends the call again finds that it runs.
   */
  async #settle({ key, hash, call }: Keyed, reply: Uint8Array | undefined): Promise<void> {
    const running = this.#ends(key, call);
    const { ledger, report } = this.#parts;
    try {
      await (reply === undefined ? ledger.forget(key) : ledger.settle(key, reply));
    } catch (error) {
      report(error);
      if (reply !== undefined && !isTaken(error)) this.#settleLater(key, hash, reply);
    }
    running?.done?.resolve(reply);
    call.isSettled = true;
    this.#left.delete(call);
    if (this.#outliving.delete(call) && this.outliving === 0) this.#onEnd?.();
  }

  #settleLater(key: string, hash: string, reply: Uint8Array): void {
    const kept = reply.byteLength > MOST_WAITING_REPLY ? keptReply(new ToldError(gone()), undefined) : reply;
    this.#unsettled.add(key, { hash, kept }, KEPT_MS);
  }

  /** Until none of those is left whose sessions are over, at most for `ms`. */
  async #outlived(ms: number): Promise<void> {
    if (this.outliving === 0 || ms <= 0) return;
    const { over, ended } = waitingFor(this.#parts.clock, ms);
    this.#onEnd = ended;
    await over;
  }

  #begins({ key, hash, call }: Keyed): void {
    this.#running.set(key, { call, hash, done: undefined });
    this.#arm();
  }

  #ends(key: string, call: IncomingCall): Running | undefined {
    const running = this.#running.get(key);
    if (running?.call !== call) return undefined;
    this.#running.delete(key);
    if (this.#running.size > 0) return running;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    return running;
  }

  /** One timer for all that run: a call may run as long as it likes, and its key is not free meanwhile. */
  #arm(): void {
    if (this.#ended || this.#isRenewing || this.#running.size === 0) return;
    this.#timer ??= this.#parts.clock.setTimeout(() => void this.#renew(), RENEWAL_MS);
  }

  /** Once at a time: while the ledger is away it may take longer than it is to the next time. */
  async #renew(): Promise<void> {
    this.#timer = undefined;
    this.#isRenewing = true;
    const keys = [...this.#running.keys()];
    for (let at = 0; at < keys.length && !this.#ended; at += RENEWED_AT_ONCE) {
      await Promise.all(keys.slice(at, at + RENEWED_AT_ONCE).map((key) => this.#renewOne(key)));
    }
    this.#isRenewing = false;
    this.#arm();
  }

  async #renewOne(key: string): Promise<void> {
    if (!this.#running.has(key)) return;
    try {
      await this.#parts.ledger.renew(key, KEPT_MS);
    } catch (error) {
      this.#parts.report(error);
    }
  }
}

/** A handler that was told to stop may have had its effect: it never runs again, and those who ask are told that nobody knows. */
function outcomeOf({ brokenBy }: IncomingCall, error: CallError): CallError {
  if (brokenBy === undefined || (error !== brokenBy && error.code !== "INTERNAL")) return error;
  return new CallError(brokenBy.code, brokenBy.message, { retryable: false, ambiguous: true });
}

/** What becomes of a call that is told to stop when its caller has left. */
function unknownEnd(message: string): CallError {
  return new CallError("UNAVAILABLE", message, { ambiguous: true });
}

function gone(): CallError {
  const message = "The call has run, and its answer is not kept any more";
  return new CallError("UNAVAILABLE", message, { retryable: false, ambiguous: true });
}

function refuseNew(): never {
  throw refused("RESOURCE_EXHAUSTED", "Too many calls with keys are remembered; this one was not run");
}

function refused(code: CallErrorCode, message?: string): ToldError {
  return new ToldError(new CallError(code, message));
}

/** Gives what was kept, and tells the caller where the one run has published. */
function replyOf(kept: Uint8Array, call: IncomingCall): Encoded {
  const { reply, caused } = readReply(kept);
  call.caused = caused;
  if (reply instanceof ToldError) throw reply;
  return reply;
}
