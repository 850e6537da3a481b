/**
 * How a server calls what a client offers: typed by the contract, checked by its schemas both ways, since the client has none.
 *
 * @module
 */
import { callTree } from "./call_tree.ts";
import { CallError, markReceived } from "./errors.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { type CallRequest, OutgoingCall, readArguments } from "./outgoing_call.ts";
import type { Peer } from "./peer.ts";
import { isPromise } from "./iterating.ts";
import type { ProcedureDefinition } from "./procedure.ts";
import { validate, validateOutput } from "./schema.ts";

/**
 * Makes the tree of calls to one client.
 *
 * @param within The call whose handler calls: its deadline bounds the calls made from it.
 */
export function offeredCalls(
  offered: ReadonlyMap<string, ProcedureDefinition>,
  peer: Peer,
  within: IncomingCall | undefined,
): object {
  return callTree((name, args) => {
    const definition = offered.get(name);
    if (definition === undefined) {
      throw new TypeError(`Cannot call "${name}" of a client: the contract does not name it`);
    }
    return send(peer, definition, { request: readArguments(name, args), within });
  });
}

function send(
  peer: Peer,
  definition: ProcedureDefinition,
  { request, within }: { request: CallRequest; within: IncomingCall | undefined },
): OutgoingCall {
  const { items, output } = definition;
  const call = new OfferedCall({ ...request, itemCheck: items && ((item) => validate(items, item)) }, {
    streams: definition.shape === "stream" || definition.shape === "duplex",
    check: output && ((value) => validateOutput(output, value)),
  });
  call.definition = definition;
  const deadline = peer.deadlineAfter(request.options.timeout, within?.until);
  if (within !== undefined) call.bindTo(within, deadline);
  try {
    const input = definition.input === undefined ? undefined : validate(definition.input, request.input);
    if (isPromise(input)) input.then((valid) => sendWith(valid), (error) => call.reject(error));
    else sendWith(input);
  } catch (error) {
    call.reject(error);
  }
  return call;

  function sendWith(input: unknown): void {
    call.request.input = input;
    peer.call(call, deadline);
    peer.outbox.kept?.();
  }
}

/** A call to a client: part of the call whose handler makes it, if one does. */
class OfferedCall extends OutgoingCall {
  definition: ProcedureDefinition | undefined;
  #unbind: (() => void) | undefined;
  #deadlineOf: IncomingCall | undefined;

  /** From now on it is cancelled when the other one is, since nobody waits for its answer then. */
  bindTo(within: IncomingCall, deadline: number): void {
    if (this.settled) return;
    if (deadline === within.until) this.#deadlineOf = within;
    const { signal } = within;
    const abort = () => {
      // A lost connection ends this call by itself, and says so.
      if (within.brokenBy?.code !== "DISCONNECTED") this.cancel(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#unbind = () => signal.removeEventListener("abort", abort);
  }

  /** A client may claim any error: what it says was declared is held to the contract. */
  override reject(error: unknown): void {
    if (!(error instanceof CallError && error.declared)) {
      super.reject(error);
      // One deadline for both: whichever side noticed first, the other call is over too.
      if (error instanceof CallError && error.code === "DEADLINE") this.#deadlineOf?.expire();
      return;
    }
    const { errors = {} } = this.definition!;
    const schema = Object.hasOwn(errors, error.code) ? errors[error.code] : undefined;
    if (schema === undefined) return super.reject(undeclared(error));
    try {
      const data = validateOutput(schema, error.data);
      if (isPromise(data)) {
        data.then((valid) => super.reject(withData(error, valid)), () => super.reject(undeclared(error)));
      } else {
        super.reject(withData(error, data));
      }
    } catch {
      super.reject(undeclared(error));
    }
  }

  override over(): void {
    super.over();
    this.#unbind?.();
  }
}

function undeclared(error: CallError): CallError {
  const message = `The client failed with "${error.code}", which the contract does not declare so`;
  return new CallError("INTERNAL", message, { cause: error });
}

function withData(error: CallError, data: unknown): CallError {
  const { code, message, retryable, ambiguous } = error;
  return markReceived(new CallError(code, message, { declared: true, retryable, ambiguous, data }));
}
