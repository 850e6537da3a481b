/**
 * What this client wants to be in one channel: told to the server until that has it, and again on each connection.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import { CallError, isReceived } from "../rpc/errors.ts";

/** What it needs of the client. */
export interface OwnMemberParts {
  /** Time and chance. */
  readonly clock: Clock;
  /** Calls a procedure of the library. */
  readonly call: (name: string, input: unknown) => PromiseLike<unknown>;
  /** Told of a member that was refused when it came again. */
  readonly report: (error: unknown) => void;
  /** Numbers that grow, the client's own. */
  readonly next: () => number;
  /** It is no member, and nothing is on its way. */
  readonly idle: () => void;
}

/** Waits before it is told again, in milliseconds, double from the first to the last, of which a random half is waited. */
const FIRST_WAIT = 100;
const LAST_WAIT = 5_000;

/** One channel. */
export class OwnMember {
  readonly #name: string;
  readonly #parts: OwnMemberParts;
  /** What it tells; `undefined`: it leaves, or has left. */
  #data: Uint8Array | undefined;
  /** What the server has taken of that; `undefined`: it has taken nothing, or that it left. */
  #taken: Uint8Array | undefined;
  #n = 0;
  /** The latest that the server has. */
  #told = 0;
  #id = "";
  #isRunning = false;
  /** Whether the server may have forgotten it, since there is another connection. */
  #isStale = false;
  #isConnected = false;
  #waiting: PromiseWithResolvers<string>[] = [];
  #failures = 0;
  #retry: unknown;
  #ended: CallError | undefined;

  /** Not in. */
  constructor(name: string, parts: OwnMemberParts) {
    this.#name = name;
    this.#parts = parts;
  }

  /** Whether it is in, or wants to be. */
  get isIn(): boolean {
    return this.#data !== undefined;
  }

  /** Is in from now on, with this. */
  enter(data: Uint8Array): Promise<string> {
    return this.#want(data);
  }

  /** Is in no more. */
  async leave(): Promise<void> {
    if (this.isIn) await this.#want(undefined);
  }

  /** There is a connection. */
  connected(): void {
    this.#isConnected = true;
    this.#failures = 0;
    if (this.#n > 0) this.#isStale = true; // also where the answer to it is still to come: it may be as old as the session
    this.#go();
  }

  /** It is gone. */
  disconnected(): void {
    this.#isConnected = false;
    this.#parts.clock.clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.#ended = error;
    this.disconnected();
    this.#settle((one) => one.reject(error));
  }

  #want(data: Uint8Array | undefined): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#data = data;
    this.#n = this.#parts.next();
    const waiting = Promise.withResolvers<string>();
    this.#waiting.push(waiting);
    this.#go();
    return waiting.promise;
  }

  get #isDone(): boolean {
    return this.#told === this.#n && !(this.#isStale && this.isIn);
  }

  #go(): void {
    if (this.#isRunning || !this.#isConnected || this.#retry !== undefined || this.#ended) return;
    if (this.#isDone) {
      if (!this.isIn && this.#n > 0) this.#parts.idle();
      return;
    }
    this.#isRunning = true;
    if (this.#isStale) this.#n = this.#parts.next(); // newer than what may still arrive by the connection before
    this.#isStale = false;
    const [n, data] = [this.#n, this.#data];
    const { call } = this.#parts;
    const answer = data === undefined
      ? call("@leave", [this.#name, n])
      : call("@enter", [this.#name, n, data]);
    answer.then((id) => {
      this.#taken = data;
      this.#answered(n, id);
    }, (error) => this.#failed(n, error));
  }

  #answered(n: number, id: unknown): void {
    this.#isRunning = false;
    this.#failures = 0;
    this.#told = n;
    if (typeof id === "string") this.#id = id;
    if (n === this.#n) this.#settle((one) => one.resolve(this.#id));
    this.#go();
  }

  #failed(n: number, error: unknown): void {
    this.#isRunning = false;
    if (this.#ended !== undefined) return;
    if (!this.#isRefusal(error)) return this.#again();
    if (n !== this.#n) return this.#go(); // what is wanted now may be taken
    const isAsked = this.#waiting.length > 0;
    this.#settle((one) => one.reject(error));
    if (!isAsked) this.#parts.report(error);
    const before = this.isIn ? this.#taken : undefined;
    this.#data = isAsked ? before : undefined;
    if (before === undefined) {
      this.#told = n;
      return this.#parts.idle();
    }
    // The server has it as it was: it stays that, or where it may not even be that it leaves.
    if (isAsked) this.#isStale = true;
    else this.#n = this.#parts.next();
    this.#go();
  }

  /**
   * Whether the server has said no, or never will be asked. Whatever else a call ends with, the client comes again, or ends. There may be room for who is in, and comes back, as soon
   * as it is gone where it was before.
   */
  #isRefusal(error: unknown): boolean {
    if (!(error instanceof CallError)) return true;
    if (error.code === "TOO_LARGE") return true;
    const hasNoRoom = error.code === "RESOURCE_EXHAUSTED" && this.#taken === undefined;
    return isReceived(error) && (hasNoRoom || !error.retryable);
  }

  #again(): void {
    this.#isStale = true;
    if (!this.#isConnected) return;
    const { clock } = this.#parts;
    const most = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#failures++, 16));
    this.#retry = clock.setTimeout(() => {
      this.#retry = undefined;
      this.#go();
    }, most / 2 + clock.random() * most / 2);
  }

  #settle(settle: (one: PromiseWithResolvers<string>) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) settle(one);
  }
}
