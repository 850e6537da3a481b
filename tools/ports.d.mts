/** A port that nobody has at this moment. */
export function freePort(): Promise<number>;
/** Waits until something accepts connections there. */
export function listens(port: number, patience?: number): Promise<boolean>;
