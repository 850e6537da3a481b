/**
 * What a client offers its server: functions, without schemas, since the server's check both ways.
 *
 * @module
 */
import { clientHandlers, type ErasedFunction } from "../rpc/contract.ts";
import { CallError } from "../rpc/errors.ts";
import type { Registered } from "../rpc/incoming_call.ts";
import type { ProcedureDefinition } from "../rpc/procedure.ts";
import type { Schema } from "../rpc/schema.ts";

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

/**
 * Registers functions under their names.
 *
 * @throws {TypeError} A refused name, or something that is neither a function nor a group.
 */
export function registerOffers(group: object): Map<string, Registered> {
  const registered = new Map<string, Registered>();
  for (const [name, handler] of clientHandlers(group)) {
    registered.set(name, { name, number: registered.size + 1, definition: definitionOf(handler) });
  }
  return registered;
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
