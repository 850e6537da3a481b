/** What one stable code means, and what a caller may do about it. */
export interface CodeMeaning {
  /** One sentence for people; the default message of a {@linkcode CallError} with this code. */
  readonly meaning: string;
  /** Whether the same call, sent again later, may succeed. */
  readonly retryable: boolean;
  /** Whether the procedure may have run although the caller did not get its answer. */
  readonly ambiguous: boolean;
  /** The status of the answer when the call came by plain `POST`. */
  readonly status: number;
  /**
   * Whether a handler that throws this code is shown as such to its caller; other codes become `INTERNAL`.
   */
  readonly throwable: boolean;
}

/** The stable codes of errors that no procedure declares. */
export type CallErrorCode =
  | "NOT_FOUND"
  | "BAD_INPUT"
  | "BAD_OUTPUT"
  | "INTERNAL"
  | "CANCELLED"
  | "DEADLINE"
  | "TOO_LARGE"
  | "RESOURCE_EXHAUSTED"
  | "UNAVAILABLE"
  | "DISCONNECTED"
  | "CLOSED"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "BAD_MESSAGE"
  | "WRONG_SHAPE"
  | "KEY_REUSED";

/**
 * The table of codes: meaning, defaults of the two bits, HTTP status. `docs/protocol.md` prints the same
 * rows.
 */
export const CODES: Readonly<Record<CallErrorCode, CodeMeaning>> = {
  NOT_FOUND: row(404, "There is no such procedure, or the caller may not know of it", { throwable: true }),
  BAD_INPUT: row(400, "The input or an item did not pass its schema", { throwable: true }),
  BAD_OUTPUT: row(500, "The procedure's own result did not pass its schema"),
  INTERNAL: row(500, "The procedure failed for a reason that is not told", { throwable: true }),
  CANCELLED: row(499, "The call was cancelled", { ambiguous: true }),
  DEADLINE: row(504, "The call took longer than its deadline", { ambiguous: true }),
  TOO_LARGE: row(413, "A message is larger than its receiver allows", { throwable: true }),
  RESOURCE_EXHAUSTED: row(429, "A limit of the server or of the caller is reached", {
    retryable: true,
    throwable: true,
  }),
  UNAVAILABLE: row(503, "The server takes no calls now; this one was not run", {
    retryable: true,
    throwable: true,
  }),
  DISCONNECTED: row(502, "The connection ended before the answer came", { ambiguous: true }),
  CLOSED: row(503, "The client is closed"),
  UNAUTHENTICATED: row(401, "The caller has not said who it is", { throwable: true }),
  FORBIDDEN: row(403, "The caller may not do this", { throwable: true }),
  BAD_MESSAGE: row(400, "The peer could not read the message"),
  WRONG_SHAPE: row(400, "The procedure has another shape: value, stream, upload or duplex", {
    throwable: true,
  }),
  KEY_REUSED: row(409, "The key belongs to another call; this one was not run"),
};

function row(
  status: number,
  meaning: string,
  bits: { retryable?: boolean; ambiguous?: boolean; throwable?: boolean } = {},
): CodeMeaning {
  const { retryable = false, ambiguous = false, throwable = false } = bits;
  return { meaning, retryable, ambiguous, status, throwable };
}

/** Whether a name is one of the stable codes; such a name cannot be declared by a procedure. */
export function isCode(name: string): name is CallErrorCode {
  return Object.hasOwn(CODES, name);
}

/** The optional parts of a {@linkcode CallError}. */
export interface CallErrorOptions {
  /**
   * Whether the same call, sent again later, may succeed; by default as {@linkcode CODES} says, `false` for
   * declared names.
   */
  readonly retryable?: boolean | undefined;
  /** Whether the procedure may have run; by default as {@linkcode CODES} says, `false` for declared names. */
  readonly ambiguous?: boolean | undefined;
  /** Whether `code` is a name that the procedure declared; by default `false`. */
  readonly declared?: boolean | undefined;
  /** What travels with the error: the declared data, or `{ issues }` with `BAD_INPUT`. */
  readonly data?: unknown;
  /** The error behind this one; stays on this side of the wire. */
  readonly cause?: unknown;
}

/**
 * How a call ends when it does not end in a value.
 *
 * @example
 * ```ts
 * import { CallError } from "@millrace/millrace";
 *
 * const error = new CallError("FORBIDDEN", "Only editors rename boards");
 * console.log(error.code, error.retryable, error.ambiguous); // FORBIDDEN false false
 * ```
 */
export class CallError extends Error {
  /** Always `"CallError"`. */
  override readonly name = "CallError";
  /** A {@linkcode CallErrorCode}, or the declared name when `declared` is set. */
  readonly code: string;
  /** Whether the same call, sent again later, may succeed. */
  readonly retryable: boolean;
  /**
   * Whether the procedure may have run. `false` means that it surely did not, or that this error is its
   * answer.
   */
  readonly ambiguous: boolean;
  /** Whether `code` is a name that the procedure declared. */
  readonly declared: boolean;
  /** What travels with the error: the declared data, or `{ issues }` with `BAD_INPUT`. */
  readonly data?: unknown;

  /** Makes an error; without a message it takes the meaning of its code. */
  constructor(code: string, message?: string, options: CallErrorOptions = {}) {
    const known = !options.declared && isCode(code) ? CODES[code] : undefined;
    super(
      message ?? known?.meaning ?? code,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.retryable = options.retryable ?? known?.retryable ?? false;
    this.ambiguous = options.ambiguous ?? known?.ambiguous ?? false;
    this.declared = options.declared ?? false;
    this.data = options.data;
  }
}

/** An error that the procedure declared, as its caller sees it. */
export interface DeclaredError<Code extends string, Data> extends CallError {
  /** The declared name. */
  readonly code: Code;
  /** Always `true`. */
  readonly declared: true;
  /** What the handler gave, as the declared schema gives it out. */
  readonly data: Data;
}

/** An error that no procedure declared. */
export interface SystemError extends CallError {
  /** One of the stable codes. */
  readonly code: CallErrorCode;
  /** Always `false`. */
  readonly declared: false;
}

/**
 * Whether something caught is a {@linkcode CallError}; the type argument names the errors of one call.
 *
 * @example
 * ```ts
 * import { CallError, isCallError } from "@millrace/millrace";
 *
 * try {
 *   throw new CallError("DISCONNECTED");
 * } catch (error) {
 *   if (isCallError(error) && error.ambiguous) console.log("it may have run");
 * }
 * ```
 */
export function isCallError<E extends CallError = CallError>(error: unknown): error is E {
  return error instanceof CallError;
}

/** Errors that came as answers to calls and publications: a handler that lets one escape does not speak of its own call. */
const received = new WeakSet<CallError>();

/** Marks an error as the answer to a call, or a publication, made here. */
export function markReceived(error: CallError): CallError {
  received.add(error);
  return error;
}

/** Whether an error came as an answer: the other side knows of it. */
export function isReceived(error: unknown): boolean {
  return received.has(error as CallError);
}

/**
 * What the caller may be told of what a handler threw: a declared error or a throwable code as it is,
 * anything else as a bare `INTERNAL` whose `cause` stays here for hooks and logs. The data of a declared
 * error is not validated yet.
 */
export function tellable(
  thrown: unknown,
  declared: Readonly<Record<string, unknown>> | undefined,
): CallError {
  try {
    if (thrown instanceof CallError && mayBeTold(thrown, declared)) return thrown;
  } catch {
    // Even to ask what a revoked proxy is throws.
  }
  return new CallError("INTERNAL", undefined, {
    cause: thrown ?? new TypeError(`A handler threw ${thrown}`),
  });
}

function mayBeTold(error: CallError, declared: Readonly<Record<string, unknown>> | undefined): boolean {
  if (received.has(error)) return false;
  if (!error.declared) return isThrowable(error.code);
  return declared !== undefined && Object.hasOwn(declared, error.code);
}

function isThrowable(code: string): boolean {
  return isCode(code) && CODES[code].throwable;
}

/**
 * The HTTP status of a call by plain `POST` that ended in this error: the row of its code, 422 for declared
 * errors.
 */
export function httpStatus(error: CallError): number {
  if (error.declared) return 422;
  return isCode(error.code) ? CODES[error.code].status : 500;
}

/** Makes one declared error of a procedure, given what it carries. */
export type ErrorConstructor = (data?: unknown) => CallError;

/** The constructors that a handler finds as `context.errors`, one for each declared name. */
export function errorConstructors(names: readonly string[]): Readonly<Record<string, ErrorConstructor>> {
  return Object.freeze(Object.fromEntries(names.map((name) => [name, constructorOf(name)])));
}

function constructorOf(code: string): ErrorConstructor {
  return (data) => new CallError(code, undefined, { declared: true, data });
}
