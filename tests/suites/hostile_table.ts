/**
 * The table of hostile input: what is sent, and what has to come of it.
 */
import { callAttacks } from "./hostile_calls.ts";
import { channelAttacks } from "./hostile_channels.ts";
import { limitAttacks } from "./hostile_limits.ts";
import { messageAttacks } from "./hostile_messages.ts";
import type { Attack } from "./hostile_target.ts";
import { valueAttacks } from "./hostile_values.ts";

/** The rows of `faults.md` that the table has to have; `"10"` is section 10 of the design. */
export const ROWS: readonly string[] = [
  ...Array.from({ length: 15 }, (_, i) => `C${i + 1}`),
  ..."D1 D2 D3 D4 D5 D6 D7 D9 D11 E18 F5 F6".split(" "),
  "10",
];

const attacks: readonly Attack[] = [
  ...valueAttacks,
  ...messageAttacks,
  ...callAttacks,
  ...limitAttacks,
  ...channelAttacks,
];

/** The attacks of one row. */
export function attacksOf(row: string): readonly Attack[] {
  return attacks.filter((attack) => attack.row === row);
}
