// What the server's process takes, from /proc: Linux only.
import { existsSync, readFileSync } from "node:fs";

/** Linux counts CPU time for programs in hundredths of a second, whatever its own timer is. */
const TICK = 10;

/** User and system time of all threads of a process, in ms; `undefined` where that is not known. */
export function cpuOf(pid) {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name before it may hold spaces
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** Resident memory of a process, in bytes; `undefined` where that is not known. */
export function memoryOf(pid) {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, "latin1"));
  return kib === null ? undefined : Number(kib[1]) * 1024;
}

/** Reads the memory of a process every so many ms until it is stopped. */
export function watchMemory(pid, every = 500) {
  const begun = performance.now();
  const samples = [];
  const read = () => {
    const bytes = memoryOf(pid);
    if (bytes !== undefined) samples.push({ at: performance.now() - begun, bytes });
  };
  read();
  const timer = setInterval(read, every);
  return () => {
    clearInterval(timer);
    read();
    return samples;
  };
}
