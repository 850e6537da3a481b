/**
 * Who calls: the program's `authenticate`, held to what its types promise.
 *
 * @module
 */
import type { AuthenticateInput, Identity } from "./app.ts";
import { checkContext, type ErrorPlace } from "./context.ts";
import { CallError } from "./errors.ts";
import type { ServerParts } from "./server_parts.ts";

/** Who asks, and where. */
interface Question {
  readonly given: AuthenticateInput;
  readonly place: ErrorPlace;
  /** Aborted when nobody waits for the answer any more: the timer goes. */
  readonly signal?: AbortSignal;
}

/**
 * Asks the program, for `limits.hello` ms at most, and counts and reports what goes wrong. What comes later is for nobody.
 *
 * @throws {CallError} What the client may be told: `FORBIDDEN` where the program threw that, `INTERNAL` where what it gave cannot be a
 * context, `DEADLINE` where it did not answer in time, else `UNAUTHENTICATED`, for an identity that is over already too.
 */
export async function identify(
  parts: Pick<
    ServerParts,
    "authenticate" | "authenticationFailed" | "clock" | "date" | "limits" | "report"
  >,
  { given, place, signal }: Question,
): Promise<Identity> {
  let identity: Identity;
  const deadline = startDeadline(parts, signal);
  try {
    identity = await Promise.race([parts.authenticate(given), deadline.passed]);
    if (identity.expires !== undefined && !(identity.expires > parts.date())) {
      throw new CallError("UNAUTHENTICATED");
    }
  } catch (error) {
    if (error === deadline.error) throw error;
    const known = error instanceof CallError;
    if (!known) parts.report(error, place);
    parts.authenticationFailed(given.request.address);
    throw known && error.code === "FORBIDDEN" ? error : new CallError("UNAUTHENTICATED");
  } finally {
    deadline.stop();
  }
  try {
    checkContext(identity);
  } catch (error) {
    parts.report(error, place);
    throw new CallError("INTERNAL");
  }
  return identity;
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
