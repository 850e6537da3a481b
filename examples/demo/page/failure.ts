import { isCallError } from "../../../client/mod.ts";
import { make } from "./element.ts";
import { print } from "./values.ts";

/** A failure in a few words: its code, or its message where it is no failure of a call. */
export function short(error: unknown): string {
  if (isCallError(error)) return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** All that a caller learns of a failure. */
export function describe(error: unknown): Node[] {
  if (!isCallError(error)) return [make("p", { text: short(error) })];
  const bits = Object.entries({
    declared: error.declared,
    retryable: error.retryable,
    ambiguous: error.ambiguous,
  });
  const parts: Node[] = [
    make("h3", { text: error.code }),
    ...(error.message === error.code ? [] : [make("p", { text: error.message })]),
    make("p", {
      class: "bits",
      text: bits.map(([name, value]) => `${name}: ${value ? "yes" : "no"}`).join(" · "),
    }),
  ];
  if (error.data !== undefined) parts.push(make("pre", { text: print(error.data) }));
  return parts;
}
