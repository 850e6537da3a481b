/** Sends one command on a connection of its own. */
export function ask(port: number, args: string[], patience?: number): Promise<unknown>;
