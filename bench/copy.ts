// Microseconds to copy 64 KiB to each of some offsets from a source 19 bytes into its page, where a CALL has its payload: what decided
// `HEADROOM` in rpc/buffers.ts (docs/decisions.md, 23).
//   deno run -A bench/copy.ts        bun bench/copy.ts
import process from "node:process";
import { flagsOf } from "./flags.ts";

flagsOf("copy.ts", {});

const source = new Uint8Array(128 * 1024).fill(1).subarray(19, 19 + 64 * 1024);
const target = new Uint8Array(128 * 1024);

for (const offset of [0, 19, 20, 32, 50, 51, 64, 96, 128, 147, 256, 4000]) {
  let least = Infinity;
  for (let round = 0; round < 30; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < 200; i++) target.set(source, offset);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 200);
  }
  console.log(`${String(offset).padStart(5)} ${least.toFixed(2)}`);
}
