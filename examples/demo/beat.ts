/**
 * Calls `run` every `pace` milliseconds of the clock, for as long as the process lives. The number of the beat follows from the clock alone: with it as a key, of
 * several nodes that share a broker all publish, and each beat lands once.
 */
export function everyBeat(pace: number, run: (beat: number) => Promise<unknown>): void {
  const wait = () => setTimeout(strike, pace - Date.now() % pace);
  const strike = () => {
    run(Math.round(Date.now() / pace)).catch(console.error);
    wait();
  };
  wait();
}

/** A number from 0 to 1 that looks like chance, and is the same on all nodes: it follows from what is given. */
export function chance(...given: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const number of given) {
    hash = Math.imul(hash ^ number, 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    hash ^= hash >>> 13;
  }
  return (hash >>> 0) / 2 ** 32;
}
