import { CloseCode } from "./close.ts";

/** A peer broke a rule of `docs/protocol.md`: the connection closes with `code`, and `message` is the reason. */
export class ProtocolError extends Error {
  /** Always `"ProtocolError"`. */
  override readonly name = "ProtocolError";
  /** The close code, 4400 unless said otherwise. */
  readonly code: number;

  /** Makes the error; `message` reaches the peer, so it names nothing that is ours. */
  constructor(message: string, code = 4400, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether something thrown is one. Asked of what handlers throw too, where even the question may throw: a revoked proxy does. */
export function isProtocolError(thrown: unknown): thrown is ProtocolError {
  try {
    return thrown instanceof ProtocolError;
  } catch {
    return false;
  }
}

/** Whatever is thrown where only a broken rule can be is a fault of ours. */
export function asFault(thrown: unknown): ProtocolError {
  if (thrown instanceof ProtocolError) return thrown;
  return new ProtocolError("internal error", CloseCode.SERVER_FAULT, { cause: thrown });
}
