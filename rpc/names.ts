/**
 * The names of procedures on one connection, and the numbers that stand for them.
 *
 * @module
 */
import type { Registered } from "./incoming_call.ts";
import { NameFlag } from "./kinds.ts";
import { writeName } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { writeMessage } from "./outbox_parts.ts";
import { ProtocolError } from "./protocol_error.ts";

const NONE: (Registered | undefined)[] = [];

/** What the other side may call, and what it was told of it. */
export class Names {
  readonly #outbox: Outbox;
  readonly #procedures: ReadonlyMap<string, Registered>;
  /** What was announced, by number: as long as it has to be, where V8 would make room for 17. */
  #announced: (Registered | undefined)[] = NONE;
  /** Those that the present connection was told of, if there was another before: what it was told may be lost. */
  #told: Set<number> | undefined;

  /** Announces through `outbox`. */
  constructor(outbox: Outbox, procedures: ReadonlyMap<string, Registered>) {
    this.#outbox = outbox;
    this.#procedures = procedures;
  }

  /**
   * The procedure of a name, or of a number that was announced; `undefined` when there is none of that name.
   *
   * @throws {ProtocolError} If the number was never announced.
   */
  find(method: string | number): Registered | undefined {
    if (typeof method === "string") return this.#byName(this.#procedures.get(method));
    const registered = this.#announced[method];
    if (registered === undefined) throw new ProtocolError(`Procedure ${method} was never announced`);
    return registered;
  }

  /** Another connection carries on: numbers stay, and are told again to who goes on calling by name. */
  attach(): void {
    this.#told = new Set();
  }

  /** The procedure of a number, if that was announced. */
  announced(number: number): Registered | undefined {
    return this.#announced[number];
  }

  /** Tells the number when a procedure is called by its name for the first time. One that asks who may call it is told to nobody. */
  #byName(registered: Registered | undefined): Registered | undefined {
    if (registered === undefined || registered.definition.allow !== undefined) return registered;
    const { number } = registered;
    if (this.#announced[number] !== undefined && (this.#told === undefined || this.#told.has(number))) {
      return registered;
    }
    if (number >= this.#announced.length) this.#grow(number + 1);
    this.#announced[number] = registered;
    this.#told?.add(number);
    const flags = registered.definition.idempotent ? NameFlag.IDEMPOTENT : 0;
    writeMessage(this.#outbox, () => writeName(number, registered.name, flags));
    return registered;
  }

  #grow(least: number): void {
    const before = this.#announced;
    this.#announced = new Array(least + (before.length >> 1));
    for (let i = 0; i < before.length; i++) this.#announced[i] = before[i];
  }
}
