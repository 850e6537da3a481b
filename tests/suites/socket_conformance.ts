/**
 * What a server of `./socket` does, whatever runtime it runs on. `serve.ts` picks the runtime of this process; a
 * difference between the two is a visible condition in the parts.
 */

import { describe } from "@std/testing/bdd";
import { framesConformance } from "./socket_frames.ts";
import { pressureConformance } from "./socket_pressure.ts";
import { closingConformance } from "./socket_closing.ts";
import { hostileConformance } from "./socket_hostile.ts";
import { upgradeConformance } from "./socket_upgrade.ts";

/** Registers the suite. */
export function socketConformance(): void {
  describe("frames and reading", framesConformance);
  describe("slow readers", pressureConformance);
  describe("closing", closingConformance);
  describe("hostile input and failing handlers", hostileConformance);
  describe("the upgrade", upgradeConformance);
}
