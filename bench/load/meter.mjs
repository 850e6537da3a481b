// What the processes spent between two readings: CPU of the server, of this generator, and of everything else on their cores.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** Linux counts CPU time for programs in hundredths of a second, whatever its own timer is. */
const TICK = 10;

/**
 * Begins a measurement.
 *
 * @param {{ server: number, cores: number[] }} watched  the server's process id, and the cores that are pinned
 * @returns {() => { ms: number, serverCpu?: number, generatorCpu: number, otherCpu?: number }}  ends it: all in milliseconds
 */
export function startMeter({ server, cores }) {
  const processes = descendants(server);
  const before = read(processes, cores);
  const startedAt = performance.now();
  return () => {
    const ms = performance.now() - startedAt;
    const after = read(processes, cores);
    const generatorCpu = after.own - before.own;
    if (after.server === undefined || before.server === undefined) return { ms, generatorCpu };
    const serverCpu = after.server - before.server;
    const otherCpu = Math.max(0, after.busy - before.busy - serverCpu - generatorCpu);
    return { ms, serverCpu, generatorCpu, otherCpu: cores.length === 0 ? undefined : otherCpu };
  };
}

function read(processes, cores) {
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1000;
  if (!existsSync("/proc/stat")) return { own };
  return { own, server: processes.reduce((sum, id) => sum + cpuOf(id), 0), busy: busyOn(cores) };
}

/** User and system time of a process, all its threads together. */
function cpuOf(id) {
  const path = `/proc/${id}/stat`;
  if (!existsSync(path)) throw new Error("The server has ended");
  const text = readFileSync(path, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name before it may hold spaces
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** Everything but idle and waiting for a disk, on these cores. */
function busyOn(cores) {
  let busy = 0;
  for (const line of readFileSync("/proc/stat", "latin1").split("\n")) {
    const core = /^cpu(\d+) /.exec(line);
    if (core === null || !cores.includes(Number(core[1]))) continue;
    const [user, nice, system, , , hardware, software, stolen] = line.split(" ").slice(1).map(Number);
    busy += user + nice + system + hardware + software + stolen;
  }
  return busy * TICK;
}

/** A process and all below it: a runtime may have been started by a script. */
function descendants(id) {
  const folder = `/proc/${id}/task`;
  if (!existsSync(folder)) return [id];
  const children = readdirSync(folder).flatMap((task) => {
    const path = `${folder}/${task}/children`;
    return existsSync(path) ? readFileSync(path, "latin1").split(" ").filter(Boolean).map(Number) : [];
  });
  return [id, ...children.flatMap(descendants)];
}
