/**
 * Who calls: the program's `authenticate`, held to what its types promise.
 *
 * @module
 */
import type { AuthenticateInput, Identity } from "./app.ts";
import { type ErrorPlace, RESERVED_NAMES } from "./context.ts";
import { CallError } from "./errors.ts";
import type { ServerParts } from "./server_parts.ts";

/**
 * Asks the program, and counts and reports what goes wrong.
 *
 * @throws {CallError} What the client may be told: `FORBIDDEN` where the program threw that, `INTERNAL` where what it gave cannot be a
 * context, else `UNAUTHENTICATED`, for an identity that is over already too.
 */
export async function identify(
  parts: Pick<ServerParts, "authenticate" | "authenticationFailed" | "date" | "report">,
  { given, place }: { given: AuthenticateInput; place: ErrorPlace },
): Promise<Identity> {
  let identity: Identity;
  try {
    identity = await parts.authenticate(given);
    if (identity.expires !== undefined && !(identity.expires > parts.date())) {
      throw new CallError("UNAUTHENTICATED");
    }
  } catch (error) {
    const known = error instanceof CallError;
    if (!known) parts.report(error, place);
    parts.authenticationFailed(given.request.address);
    throw known && error.code === "FORBIDDEN" ? error : new CallError("UNAUTHENTICATED");
  }
  const taken = Object.keys(identity).find((name) => RESERVED_NAMES.has(name));
  if (taken === undefined) return identity;
  parts.report(
    new TypeError(`Cannot use "${taken}" in the context that authenticate gives: the name is taken`),
    place,
  );
  throw new CallError("INTERNAL");
}
