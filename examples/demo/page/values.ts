/** What MessagePack has and JSON has not, as the form reads and writes it. */
type Tagged = { $bytes: string } | { $date: string } | { $bigint: string };

/**
 * Reads what was typed; nothing typed is no value.
 *
 * @throws {SyntaxError} when it is no JSON, or a tagged value is none of its kind
 */
export function parse(text: string): unknown {
  return text.trim() === "" ? undefined : JSON.parse(text, (_, value: unknown) => untag(value));
}

/** Writes a value as it can be typed. Long bytes are cut short. */
export function print(value: unknown): string {
  if (value === undefined) return "no value";
  return lay(tag(value), "");
}

/** A value that fits stays on its line; otherwise each member has its own. */
const WIDTH = 64;

function lay(value: unknown, indent: string): string {
  const flat = flatten(value);
  if (typeof value !== "object" || value === null || flat.length + indent.length <= WIDTH) return flat;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const members = Array.isArray(value)
    ? value.map((item) => lay(item, inner))
    : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${lay(member, inner)}`);
  return `${open}\n${members.map((member) => inner + member).join(",\n")}\n${indent}${close}`;
}

function flatten(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flatten).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${flatten(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

/** Bytes as pairs of hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function untag(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 1) return value;
  const { $bytes, $date, $bigint } = value as Partial<Record<"$bytes" | "$date" | "$bigint", unknown>>;
  if (typeof $bytes === "string") return unhex($bytes);
  if (typeof $date === "string") return date($date);
  if (typeof $bigint === "string") return BigInt($bigint);
  return value;
}

function unhex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) {
    throw new SyntaxError(`Cannot read bytes "${text}": write pairs of hexadecimal digits`);
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function date(text: string): Date {
  const read = new Date(text);
  if (Number.isNaN(read.getTime())) {
    throw new SyntaxError(`Cannot read date "${text}": write it as 2001-01-01T06:55:00Z`);
  }
  return read;
}

function tag(value: unknown): unknown {
  if (value instanceof Uint8Array) return tagBytes(value);
  if (value instanceof Date) return { $date: value.toISOString() } satisfies Tagged;
  if (typeof value === "bigint") return { $bigint: String(value) } satisfies Tagged;
  if (Array.isArray(value)) return value.map(tag);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, tag(inner)]));
  }
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function tagBytes(bytes: Uint8Array): Tagged {
  const shown = hex(bytes.subarray(0, 64));
  return { $bytes: bytes.byteLength > 64 ? `${shown} … ${bytes.byteLength - 64} more` : shown };
}
