/** The folder of the project. */
export const root: string;
/** Finds all three runtimes. */
export function runtimes(): Promise<{ deno: string; bun: string; node: string }>;
