/**
 * Which web pages may connect. A browser attaches cookies to any page's WebSocket and asks nobody: only the
 * `Origin` header tells whose page it is.
 */

import { refuse, type RequestSnapshot } from "./upgrade.ts";

/** Who may connect, by the `Origin` and `Host` headers. */
export interface OriginOptions {
  /**
   * Origins of the pages that may connect: `"same-origin"` (the page's host and port are those of the `Host` header),
   * or a list of origins such as `"https://app.example"`, `"https://*.example.org"` (any subdomain, not example.org itself)
   * or `"same-origin"`. `"insecure-any"` accepts every page on the web: with cookies, any page then acts as its visitor.
   *
   * `Origin: null` (sandboxed frames, files) is refused whatever is listed here.
   *
   * @default "same-origin"
   */
  origins?: "same-origin" | "insecure-any" | readonly string[];
  /**
   * Refuses requests without `Origin`. Browsers always send it, others (Deno, Bun, Node, mobile) rarely do; set this
   * where cookies identify the user.
   *
   * @default false
   */
  requireOrigin?: boolean;
  /**
   * Values of the `Host` header that are served: `"example.org"` (any port) or `"example.org:8443"`. Others get
   * 421. Without it any host is served, and by DNS rebinding a page at attacker.test is of the same origin
   * as a server on the visitor's own network: list the hosts of such servers.
   */
  hosts?: readonly string[];
}

/** Decides on a request: the refusal (403 or 421), or undefined when it may connect. */
export type OriginRule = (request: Pick<RequestSnapshot, "url" | "headers">) => Response | undefined;

interface Origin {
  readonly scheme: string;
  /** Lower case; IPv6 in brackets. */
  readonly host: string;
  /** As written; "" for none. */
  readonly port: string;
}

/** An entry of the list, ready to compare. */
interface Pattern extends Origin {
  readonly subdomains: boolean;
}

const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443", ws: "80", wss: "443" };
const longest = 512;

/**
 * Makes the rule from the options, once, at the start.
 *
 * @throws {TypeError} When an entry is not an origin or a host: a typing error must not open or close a server in silence.
 */
export function originRule(
  { origins = "same-origin", requireOrigin = false, hosts }: OriginOptions,
): OriginRule {
  const list = typeof origins === "string" ? [origins] : [...origins];
  const any = origins === "insecure-any";
  const same = list.includes("same-origin");
  const patterns = any ? [] : list.filter((entry) => entry !== "same-origin").map(parsePattern);
  const served = hosts?.map(parseHostEntry);
  return ({ url, headers }) => {
    const header = headers.get("origin");
    if (header === null && served === undefined && !requireOrigin) return undefined;
    const host = parseHost(headers.get("host"));
    if (served !== undefined && !served.some((entry) => matchesHost(entry, host))) {
      return refuse(421, "This host is not served here");
    }
    if (header === null) return requireOrigin ? refuse(403, "Origin required") : undefined;
    if (any && header !== "null") return undefined;
    const origin = parseOrigin(header);
    const allowed = origin !== undefined &&
      ((same && isSame(origin, host, url)) || patterns.some((pattern) => matches(pattern, origin)));
    return allowed ? undefined : refuse(403, "Origin not allowed");
  };
}

/** Strict: what browsers send, in their spelling; anything else is undefined. One pass, no nested repetition. */
function parseOrigin(text: string): Origin | undefined {
  if (text.length > longest) return undefined;
  const parts = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, scheme = "", host = "", port = ""] = parts;
  return { scheme, host, port: port === defaultPorts[scheme] ? "" : port };
}

function parseHost(header: string | null): Omit<Origin, "scheme"> | undefined {
  return parseOrigin(`host://${header?.toLowerCase() ?? ""}`);
}

function parsePattern(entry: string): Pattern {
  const subdomains = entry.includes("://*.");
  const origin = parseOrigin(subdomains ? entry.replace("://*.", "://") : entry);
  if (origin === undefined) {
    throw new TypeError(
      `Cannot allow origin "${entry}": not "scheme://host", in lower case and without a path`,
    );
  }
  if (subdomains && !/\.[a-z]/.test(origin.host)) {
    throw new TypeError(`Cannot allow origin "${entry}": a wildcard needs a domain of two labels or more`);
  }
  return { ...origin, subdomains };
}

function parseHostEntry(entry: string): Omit<Origin, "scheme"> {
  const host = entry === entry.toLowerCase() ? parseHost(entry) : undefined;
  if (host === undefined) {
    throw new TypeError(`Cannot serve host "${entry}": not "host" or "host:port", in lower case`);
  }
  return host;
}

function matches(pattern: Pattern, { scheme, host, port }: Origin): boolean {
  if (pattern.scheme !== scheme || pattern.port !== port) return false;
  return pattern.subdomains ? host.endsWith(`.${pattern.host}`) : host === pattern.host;
}

function matchesHost(entry: Omit<Origin, "scheme">, host: Omit<Origin, "scheme"> | undefined): boolean {
  return host !== undefined && entry.host === host.host && (entry.port === "" || entry.port === host.port);
}

/**
 * Host and port are compared, not the scheme: behind a proxy that ends TLS the server sees http and the page is https. An
 * http page on a server that itself is https is refused: anybody on the way can write that page.
 */
function isSame(origin: Origin, host: Omit<Origin, "scheme"> | undefined, url: string): boolean {
  if (host === undefined || (origin.scheme !== "https" && origin.scheme !== "http")) return false;
  if (origin.scheme === "http" && url.startsWith("https:")) return false;
  const port = host.port === defaultPorts[origin.scheme] ? "" : host.port;
  return origin.host === host.host && origin.port === port;
}
