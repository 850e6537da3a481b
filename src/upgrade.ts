/**
 * From a request to a socket: the copy that everything is decided on, the checks, the upgrade. Neither runtime
 * checks all of it (Deno not the version, and it takes two keys), so it is checked here, before anything of ours
 * is allocated.
 */

import type { LinkEvents } from "./link.ts";
import { adapter } from "./runtime.ts";
import { parseSubprotocols } from "./subprotocol.ts";

/**
 * A copy of what a request says, taken before the upgrade: on Deno the request itself throws afterwards, and may when
 * the client leaves.
 */
export interface RequestSnapshot {
  /** The full URL. It may carry secrets: do not log it. */
  readonly url: string;
  /** The method, such as `GET`. */
  readonly method: string;
  /** A copy of the headers, yours to keep. */
  readonly headers: Headers;
  /** The client's address without the port; "" for a unix socket. A proxy's address, if there is one. */
  readonly address: string;
}

/** Copies a request; `info` is the second argument of `fetch`: Deno's `ServeHandlerInfo` or Bun's `Server`. */
export function snapshot(request: Request, info?: unknown): RequestSnapshot {
  const { url, method } = request;
  return { url, method, headers: new Headers(request.headers), address: addressOf(request, info) };
}

/** The address that came last: behind a proxy all have its own, and each would keep a string of it, 60 bytes and more. */
let lastAddress = { told: "", is: "" };

/** The client's address, as {@linkcode RequestSnapshot.address} has it. */
export function addressOf(request: Request, info: unknown): string {
  const told = adapter?.address(request, info) ?? "";
  if (told !== lastAddress.told) lastAddress = { told, is: unmapped(told) };
  return lastAddress.is;
}

/** `::ffff:192.0.2.1` is how a socket that listens on IPv6 names an IPv4 peer. */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/**
 * Checks that a request is a WebSocket handshake (RFC 6455, 4.2.1). Returns the refusal, or undefined when it may be
 * upgraded: 405 for another method than GET, 426 for a plain GET or another version than 13, 400 for a body, a key
 * that is not one base64 of 16 bytes, or a malformed list of subprotocols. Origin and Host are
 * another question: see `originRule`.
 */
export function checkUpgrade(
  { method, headers }: Pick<RequestSnapshot, "method" | "headers">,
): Response | undefined {
  if (method !== "GET") return refuse(405, "Method not allowed", { allow: "GET" });
  if (!hasToken(headers.get("upgrade"), "websocket")) return upgradeRequired("WebSocket upgrade required");
  if (headers.get("sec-websocket-version") !== "13") return upgradeRequired("WebSocket version 13 required");
  if (!hasToken(headers.get("connection"), "upgrade")) {
    return refuse(400, "Connection header without upgrade");
  }
  if (hasBody(headers)) return refuse(400, "Handshake with a body");
  if (!isKey(headers.get("sec-websocket-key"))) return refuse(400, "Malformed Sec-WebSocket-Key");
  const offers = parseSubprotocols(headers.get("sec-websocket-protocol"));
  return offers === undefined ? refuse(400, "Malformed Sec-WebSocket-Protocol") : undefined;
}

/** True when the request asks for a WebSocket at all, well or badly: what {@linkcode checkUpgrade} is for. */
export function wantsUpgrade({ headers }: Pick<RequestSnapshot, "headers">): boolean {
  return hasToken(headers.get("upgrade"), "websocket");
}

/** A short refusal in plain text. `headers` may add to it. */
export function refuse(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers },
  });
}

/** 503: the server is stopping or full. `seconds` is when to come back. */
export function unavailable(seconds = 1): Response {
  return refuse(503, "Service unavailable", { "retry-after": String(seconds) });
}

function upgradeRequired(message: string): Response {
  return refuse(426, message, { upgrade: "websocket", connection: "upgrade", "sec-websocket-version": "13" });
}

/** Whether a comma-separated header names `token`, in any case. */
function hasToken(header: string | null, token: string): boolean {
  if (header === null) return false;
  const list = header.toLowerCase();
  return list === token || list.split(",").some((element) => element.trim() === token);
}

function hasBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
}

/** 16 bytes are 22 characters and two signs of padding; a repeated header is joined by a comma and fails. */
function isKey(key: string | null): boolean {
  return key !== null && /^[+/0-9A-Za-z]{22}==$/.test(key);
}

/** What {@linkcode acceptUpgrade} needs beside the request. */
export interface AcceptOptions {
  /** The second argument of `fetch`: Deno's `ServeHandlerInfo` or Bun's `Server`. */
  readonly info: unknown;
  /** The copy that was taken of the request, or the request itself. */
  readonly snapshot: Pick<RequestSnapshot, "headers">;
  /** The subprotocol to select, one of those offered; undefined selects none. */
  readonly protocol?: string | undefined;
  /** Further headers of the 101 response. */
  readonly headers?: HeadersInit | undefined;
  /** Seconds without a sign of the peer until the runtime gives up; 0: never. */
  readonly idle: number;
  /** Who hears of the socket. */
  readonly events: LinkEvents;
}

/** The subprotocols that a handshake offers; none where {@linkcode checkUpgrade} would refuse it. */
export function offersOf({ headers }: Pick<RequestSnapshot, "headers">): readonly string[] {
  const header = headers.get("sec-websocket-protocol");
  return header === null ? NONE : parseSubprotocols(header) ?? NONE;
}

const NONE: readonly string[] = [];

/** Headers of a 101 response that the handshake itself decides. */
const reserved = [
  "connection",
  "upgrade",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
];

/**
 * Upgrades a request that {@linkcode checkUpgrade} has passed, and returns what `fetch` must return: the 101
 * response, or 400 when the client has left meanwhile.
 *
 * @throws {TypeError} When `protocol` was not offered, `headers` holds a header of the handshake's own, Bun's server is
 * missing from `info`, or this is neither Deno nor Bun.
 */
export function acceptUpgrade(request: Request, options: AcceptOptions): Response {
  const { info, snapshot, protocol, idle, events } = options;
  if (adapter === undefined) {
    throw new TypeError("Cannot upgrade the request: neither Deno nor Bun runs this");
  }
  if (protocol !== undefined && !offersOf(snapshot).includes(protocol)) {
    throw new TypeError(`Cannot select subprotocol "${protocol}": the client did not offer it`);
  }
  const headers = options.headers === undefined ? undefined : new Headers(options.headers);
  for (const name of headers === undefined ? [] : reserved) {
    if (headers?.has(name)) throw new TypeError(`Cannot set header "${name}": the handshake decides it`);
  }
  const response = adapter.accept(request, { info, protocol, headers, idle, events });
  return response ?? refuse(400, "The upgrade failed");
}
