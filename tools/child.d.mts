/** A program that runs. */
export interface Child {
  /** What it has said. */
  output(): string;
  /** SIGKILL to it and its children. */
  stop(): Promise<void>;
}

/** Starts a program that is meant to stay. */
export function start(
  command: string,
  args: string[],
  options?: { cwd?: string | URL; env?: Record<string, string>; listens?: boolean },
): Child;
