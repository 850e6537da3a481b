/**
 * The `Sec-WebSocket-Protocol` header: a list of tokens, read in one linear pass.
 */

/**
 * The subprotocols that a client offers, in its order; none without the header. Undefined when the header is no list of
 * tokens, or names one twice (RFC 6455, 4.1).
 *
 * Commas may have any spacing, and empty elements are skipped (RFC 9110, 5.6.1). A token may be a secret: browsers
 * have no other header to put one in. Never send an offer back that was not selected.
 */
export function parseSubprotocols(header: string | null): string[] | undefined {
  if (header === null) return [];
  if (isToken(header)) return [header];
  const offers = new Set<string>();
  for (const element of header.split(",")) {
    const offer = trim(element);
    if (offer === "") continue;
    if (!isToken(offer) || offers.has(offer)) return undefined;
    offers.add(offer);
  }
  return [...offers];
}

/** The first of `supported` (in the server's order of preference) that is among `offers`. */
export function selectSubprotocol(
  offers: readonly string[],
  supported: readonly string[],
): string | undefined {
  return supported.find((protocol) => offers.includes(protocol));
}

/** Without spaces and tabs at both ends. No regular expression: `\s+$` takes quadratic time (CVE-2021-32640). */
function trim(element: string): string {
  let start = 0;
  let end = element.length;
  while (start < end && isBlank(element.charCodeAt(start))) start++;
  while (end > start && isBlank(element.charCodeAt(end - 1))) end--;
  return element.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** RFC 9110, 5.6.2. One class repeated once: linear. */
function isToken(offer: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(offer);
}
