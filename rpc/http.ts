/**
 * Calls by plain `POST`, for backends that hold no socket: one value in, one value out.
 *
 * @module
 */
import { decode, encode } from "../msgpack/mod.ts";
import { CallError, httpStatus } from "./errors.ts";
import type { CallRequest } from "./outgoing_call.ts";

const MSGPACK = "application/msgpack";
const JSON_TYPE = "application/json";

/** Calls a value procedure. */
export type CallValue = (request: CallRequest) => PromiseLike<unknown>;

/**
 * Answers one call.
 *
 * @param request Its body is read here, up to `limit` bytes. Method and origin are checked already.
 * @param name The name of the procedure.
 */
export async function answerPost(
  request: Request,
  name: string,
  { limit, call }: { limit: number; call: CallValue },
): Promise<Response> {
  const type = contentType(request.headers);
  if (type === undefined) {
    return new Response(`Unsupported media type: ${MSGPACK} or ${JSON_TYPE}\n`, { status: 415 });
  }
  try {
    const input = decodeBody(await readBody(request, limit), type);
    // Not the request's signal: Deno's aborts after every answer, and warns of it.
    const options = { timeout: readTimeout(request.headers) };
    return respond(await call({ method: name, input, items: undefined, options }), type);
  } catch (error) {
    return respondError(error instanceof CallError ? error : new CallError("INTERNAL"), type);
  }
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

/** Reads a body piece by piece, so that one that is too large is given up where it becomes so. */
async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > limit) {
      reader.cancel().catch(() => {});
      throw new CallError("TOO_LARGE", `The body is larger than ${limit} bytes`);
    }
    pieces.push(next.value);
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

function decodeBody(body: Uint8Array, type: string): unknown {
  if (body.length === 0) return undefined;
  try {
    return type === MSGPACK
      ? decode(body)
      : JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw new CallError("BAD_MESSAGE", `The input cannot be decoded: ${(error as Error).message}`);
  }
}

function respond(value: unknown, type: string): Response {
  if (value === undefined) return new Response(null, { status: 204 });
  return body(type === MSGPACK ? encode(value) : toJson(value), type, 200);
}

function respondError(error: CallError, type: string): Response {
  const { code, message, retryable, ambiguous, declared, data } = error;
  const issues = (data as { issues?: unknown } | undefined)?.issues;
  const told = { code, message, retryable, ambiguous, ...(declared ? { data } : { issues }) };
  try {
    return body(type === MSGPACK ? encode(told) : toJson(told), type, httpStatus(error));
  } catch {
    return body(type === MSGPACK ? encode({ code }) : JSON.stringify({ code }), type, httpStatus(error));
  }
}

/** Answers are for the caller alone, and a browser must not guess what they are. */
function body(content: Uint8Array | string, type: string, status: number): Response {
  const headers = { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return new Response(content as BodyInit, { status, headers });
}

/** JSON has no bytes, no bigint and no stream: rather an error than something else in silence. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === "bigint" || member instanceof Uint8Array || member instanceof ReadableStream) {
      throw new CallError(
        "WRONG_SHAPE",
        `The answer holds what JSON cannot: ask with content-type ${MSGPACK}`,
      );
    }
    return member;
  });
}
