/**
 * Calls by plain `POST`, for backends that hold no socket: one value in, one value out.
 *
 * @module
 */
import { decode } from "../msgpack/decoder.ts";
import { encode } from "../msgpack/encoder.ts";
import { CallError, httpStatus } from "./errors.ts";
import type { Limits } from "./limits.ts";
import { isKey, LONGEST_NAME } from "./long_names.ts";
import type { CallRequest } from "./outgoing_call.ts";
import type { ServerParts } from "./server_parts.ts";

const MSGPACK = "application/msgpack";
const JSON_TYPE = "application/json";

/** How one call is answered. */
export interface PostSteps {
  /** Bounds and time of the app. */
  readonly parts: Pick<ServerParts, "clock" | "limits" | "report">;
  /** Finds out who calls, before the body is read. */
  enter(): Promise<void>;
  /** Makes the call. */
  call(request: CallRequest): PromiseLike<unknown>;
}

/**
 * Answers one call.
 *
 * @param request Its body is read here, up to `limits.message` bytes and within `limits.hello`. Method and origin are checked already.
 * @param name The name of the procedure.
 */
export async function answerPost(request: Request, name: string, steps: PostSteps): Promise<Response> {
  const type = contentType(request.headers);
  if (type === undefined) {
    return new Response(`Unsupported media type: ${MSGPACK} or ${JSON_TYPE}\n`, { status: 415 });
  }
  const { parts, enter, call } = steps;
  try {
    // Not the request's signal: Deno's aborts after every answer, and warns of it.
    const options = { timeout: readTimeout(request.headers), key: readKey(request.headers) };
    await enter();
    const input = decodeBody(await readBody(request, parts), { type, limits: parts.limits });
    return respond(await call({ method: name, input, items: undefined, options }), type, parts);
  } catch (error) {
    return respondError(asCallError(error, parts), type);
  }
}

/** The encoder refuses what JSON allows and a value does not: too deep, half a surrogate pair. */
function asCallError(error: unknown, { report }: Pick<ServerParts, "report">): CallError {
  if (error instanceof CallError) return error;
  if (error instanceof TypeError || error instanceof RangeError) {
    return new CallError("BAD_MESSAGE", error.message);
  }
  report(error, {});
  return new CallError("INTERNAL");
}

function contentType(headers: Headers): string | undefined {
  const type = (headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  return type === MSGPACK || type === JSON_TYPE ? type : undefined;
}

function readTimeout(headers: Headers): number | undefined {
  const told = headers.get("millrace-timeout");
  if (told === null) return undefined;
  if (!/^\d{1,15}$/.test(told)) {
    throw new CallError("BAD_MESSAGE", "millrace-timeout must be a number of milliseconds");
  }
  return Number(told);
}

/** Whoever sends the same key again gets the reply of the first: the header has this name in the field (Stripe, the IETF's draft). */
function readKey(headers: Headers): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (!isKey(key)) {
    throw new CallError("BAD_MESSAGE", `idempotency-key must have 1 to ${LONGEST_NAME} bytes`);
  }
  return key;
}

/** Reads a body piece by piece, so that one that is too large or too slow is given up where it becomes so. */
async function readBody(
  request: Request,
  { clock, limits }: Pick<ServerParts, "clock" | "limits">,
): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  let late = false;
  const timer = clock.setTimeout(() => {
    late = true;
    reader.cancel().catch(() => {});
  }, limits.hello);
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > limits.message) {
        reader.cancel().catch(() => {});
        throw new CallError("TOO_LARGE", `The body is larger than ${limits.message} bytes`);
      }
      pieces.push(next.value);
    }
  } finally {
    clock.clearTimeout(timer);
  }
  if (late) {
    throw new CallError("DEADLINE", `The body took longer than ${limits.hello} ms`, { ambiguous: false });
  }
  return joined(pieces, size);
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function decodeBody(body: Uint8Array, { type, limits }: { type: string; limits: Limits }): unknown {
  if (body.length === 0) return undefined;
  try {
    return type === MSGPACK
      ? decode(body, { depth: limits.depth, keys: limits.keys })
      : JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw new CallError("BAD_MESSAGE", `The input cannot be decoded: ${(error as Error).message}`);
  }
}

function respond(value: unknown, type: string, parts: Pick<ServerParts, "limits" | "report">): Response {
  if (value === undefined) return new Response(null, { status: 204 });
  return body(type === MSGPACK ? toMsgpack(value, parts) : toJson(value), type, 200);
}

function respondError(error: CallError, type: string): Response {
  const { code, message, retryable, ambiguous, declared, data } = error;
  const issues = (data as { issues?: unknown } | undefined)?.issues;
  const bare = { code, message, retryable, ambiguous };
  const encoded = type === MSGPACK ? (value: object) => encode(value) : toJson;
  try {
    return body(encoded({ ...bare, ...(declared ? { data } : { issues }) }), type, httpStatus(error));
  } catch {
    return body(encoded(bare), type, httpStatus(error)); // declared data that the type cannot hold
  }
}

/** Answers are for the caller alone, and a browser must not guess what they are. */
function body(content: Uint8Array | string, type: string, status: number): Response {
  const headers = { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return new Response(content as BodyInit, { status, headers });
}

/** A message in a page of history stands in an entry, in the entries, in the page. */
const PAGE_LEVELS = 3;

/** What was decoded within the limits can be encoded, streams alone cannot. */
function toMsgpack(value: unknown, { limits, report }: Pick<ServerParts, "limits" | "report">): Uint8Array {
  try {
    return encode(value, { depth: limits.depth + PAGE_LEVELS, keys: limits.keys, extension: refuseStream });
  } catch (error) {
    if (error instanceof CallError) throw error;
    report(error, {});
    throw new CallError("INTERNAL");
  }
}

/** No instance but a stream comes out of a decoder. */
function refuseStream(value: object): undefined {
  if (!(value instanceof ReadableStream)) return undefined;
  throw new CallError("WRONG_SHAPE", "The answer holds a stream: call over a socket");
}

/** JSON has no bytes, no bigint, no stream, no NaN: rather an error than something else in silence. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (!isJson(member)) {
      throw new CallError(
        "WRONG_SHAPE",
        `The answer holds what JSON cannot: ask with content-type ${MSGPACK}`,
      );
    }
    return member;
  });
}

function isJson(member: unknown): boolean {
  if (typeof member === "number") return Number.isFinite(member);
  return typeof member !== "bigint" && !(member instanceof Uint8Array) && !(member instanceof ReadableStream);
}
