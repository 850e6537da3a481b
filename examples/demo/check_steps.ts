import process from "node:process";
import { isCallError } from "../../client/mod.ts";

/** Runs steps one after the other and prints a line for each. Each says what it saw, or throws: then the process ends with code 1. */
export async function runSteps(
  steps: Readonly<Record<string, () => Promise<string>>>,
  patience: number,
): Promise<void> {
  for (const [name, step] of Object.entries(steps)) {
    const started = performance.now();
    try {
      const seen = await within(step(), patience);
      console.log(`  ${name.padEnd(12)} ${seen} (${(performance.now() - started).toFixed(0)} ms)`);
    } catch (error) {
      const code = isCallError(error) ? `${error.code}: ` : "";
      console.log(`  ${name.padEnd(12)} FAILED: ${code}${(error as Error).message}`);
      process.exit(1);
    }
  }
}

/** @throws {Error} unless it holds */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** @throws {Error} when the work takes longer, in milliseconds */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
