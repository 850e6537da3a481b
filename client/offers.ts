/**
 * What a client offers its server: functions, without schemas, since the server's check both ways.
 *
 * @module
 */
import { Callee } from "../rpc/callee.ts";
import type { CalledPeer } from "../rpc/callee_parts.ts";
import type { Clock } from "../rpc/clock.ts";
import type { CallerConnection } from "../rpc/context.ts";
import type { ErasedFunction } from "../rpc/contract.ts";
import { CallError } from "../rpc/errors.ts";
import type { Registered } from "../rpc/incoming_call.ts";
import type { ProcedureDefinition } from "../rpc/procedure.ts";
import type { Limits } from "../rpc/limits.ts";
import type { Schema } from "../rpc/schema.ts";

export { BULK_CODE } from "../rpc/bulk_code.ts";

/** Lets everything through: the server has checked it, or will. */
const ANYTHING: Schema = {
  "~standard": { version: 1, vendor: "millrace", validate: (value) => ({ value }) },
};

/** A client holds no contract, so it can raise any error; the server knows which are declared. */
const RAISE: ProcedureDefinition["raise"] = new Proxy({}, {
  get: (_none, name) => (data?: unknown) => new CallError(String(name), undefined, { declared: true, data }),
});

const ERRORS: Readonly<Record<string, Schema>> = new Proxy({}, {
  get: () => ANYTHING,
  getOwnPropertyDescriptor: () => ({
    value: ANYTHING,
    configurable: true,
    enumerable: true,
    writable: false,
  }),
});

/** What answers the server on one connection. */
export interface OfferSurroundings {
  /** Time. */
  readonly clock: Clock;
  /** Bounds of this side. */
  readonly limits: Limits;
  /** What handlers see of the connection. */
  readonly connection: CallerConnection;
}

/** What a client offers its server. */
export class Offered {
  readonly #registered = new Map<string, Registered>();

  /** Registers functions under their names. */
  constructor(handlers: ReadonlyMap<string, ErasedFunction>) {
    const registered = this.#registered;
    for (const [name, handler] of handlers) {
      registered.set(name, { name, number: registered.size + 1, definition: definitionOf(handler) });
    }
  }

  /** Makes what answers on one connection. */
  callee(surroundings: OfferSurroundings, peer: CalledPeer): Callee {
    const procedures = this.#registered;
    return new Callee({ procedures, context: () => ({}), offered: () => ({}), ...surroundings }, peer);
  }
}

function definitionOf(handler: ErasedFunction): ProcedureDefinition {
  return {
    "~millrace": "procedure",
    shape: "dynamic",
    input: ANYTHING,
    items: undefined,
    output: undefined,
    errors: ERRORS,
    raise: RAISE,
    allow: undefined,
    ordered: false,
    idempotent: false,
    timeout: undefined,
    run: (input, items, context) =>
      items === undefined ? handler(input, context) : handler(input, items, context),
  };
}
