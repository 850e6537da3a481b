/**
 * Addresses as keys of limits.
 */

/**
 * What to count an address under: itself for IPv4, its /64 network for IPv6, where one client commonly has
 * 2^64 addresses to choose from. Anything else is its own key.
 */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("%", 1)[0]!.split("::");
  const left = groups(head);
  const missing = tail === undefined ? 0 : 8 - left.length - groups(tail).length;
  const all = [...left, ...Array<string>(Math.max(0, missing)).fill("0"), ...groups(tail ?? "")];
  return `${all.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}

function groups(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
