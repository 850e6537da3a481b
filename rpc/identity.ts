/**
 * Who calls: the program's `authenticate`, held to what its types promise.
 *
 * @module
 */
import type { AuthenticateInput, Identity } from "./app.ts";
import { checkContext, type ErrorPlace } from "./context.ts";
import { CallError } from "./errors.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { isPromise } from "./iterating.ts";
import type { ServerParts } from "./server_parts.ts";

/** Who asks, and where. */
interface Question {
  readonly given: AuthenticateInput;
  readonly place: ErrorPlace;
  /** Aborted when nobody waits for the answer any more: the timer goes. Made only where the program takes its time. */
  readonly signal?: () => AbortSignal;
}

/** What it takes to ask. */
type Asking = Pick<
  ServerParts,
  "authenticate" | "authenticationFailed" | "clock" | "date" | "limits" | "report"
>;

/**
 * Asks the program, for `limits.hello` ms at most, and counts and reports what goes wrong. What comes later is for nobody. Where the
 * program answers at once, so does this: a promise with its deadline and signal costs a handshake 10 µs on Deno and 3 on Bun.
 *
 * @throws {CallError} What the client may be told: `FORBIDDEN` where the program threw that, `INTERNAL` where what it gave cannot be a
 * context, `DEADLINE` where it did not answer in time, else `UNAUTHENTICATED`, for an identity that is over already too.
 */
export function identify(parts: Asking, question: Question): MaybePromise<Identity> {
  let answer: MaybePromise<Identity>;
  let isLater: boolean;
  try {
    answer = parts.authenticate(question.given);
    isLater = isPromise(answer);
  } catch (error) {
    throw refusal(parts, question, error);
  }
  if (isLater) return identifyLater(parts, question, answer);
  return checked(parts, question, answer as Identity);
}

async function identifyLater(
  parts: Asking,
  question: Question,
  answer: MaybePromise<Identity>,
): Promise<Identity> {
  const deadline = startDeadline(parts, question.signal?.());
  let identity: Identity;
  try {
    identity = await Promise.race([answer, deadline.passed]);
  } catch (error) {
    throw error === deadline.error ? error : refusal(parts, question, error);
  } finally {
    deadline.stop();
  }
  return checked(parts, question, identity);
}

function checked(parts: Asking, question: Question, identity: Identity): Identity {
  let isOver: boolean;
  try {
    isOver = identity.expires !== undefined && !(identity.expires > parts.date());
  } catch (error) {
    throw refusal(parts, question, error); // it is no object, or has a getter that throws
  }
  if (isOver) throw refusal(parts, question, new CallError("UNAUTHENTICATED"));
  try {
    checkContext(identity);
  } catch (error) {
    parts.report(error, question.place);
    throw new CallError("INTERNAL");
  }
  return identity;
}

function refusal(parts: Asking, { given, place }: Question, error: unknown): CallError {
  const known = error instanceof CallError;
  if (!known) parts.report(error, place);
  parts.authenticationFailed(given.request.address);
  return known && error.code === "FORBIDDEN" ? error : new CallError("UNAUTHENTICATED");
}

/** A promise that rejects with `error` after `limits.hello`, unless it is stopped or `signal` aborts before. */
function startDeadline(
  { clock, limits }: Pick<ServerParts, "clock" | "limits">,
  signal: AbortSignal | undefined,
): { passed: Promise<never>; error: CallError; stop: () => void } {
  const error = new CallError("DEADLINE", "It took too long to find out who calls", { ambiguous: false });
  const { promise: passed, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimeout(() => reject(error), limits.hello);
  const stop = () => clock.clearTimeout(timer);
  signal?.addEventListener("abort", stop, { once: true });
  return { passed, error, stop };
}
