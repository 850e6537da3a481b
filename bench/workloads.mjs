// What is measured. Each is written once, in load/workloads/, and runs against every contender.

const KIB = 1024;

/**
 * @typedef {object} Workload
 * @property {string} name  as `--only` takes it
 * @property {string} title
 * @property {string} unit  what one operation is
 * @property {object} job  what load/main.mjs is told; `timed` adds the times
 * @property {boolean} timed  it runs for `--seconds`; otherwise for `--mib`
 */

/** In the order of the table. @type {Workload[]} */
export const WORKLOADS = [
  calls("unary-1x1", "small call, 1 connection, 1 in flight", { connections: 1, inFlight: 1 }),
  calls("unary-50x16", "small call, 50 connections, 16 in flight", { connections: 50, inFlight: 16 }),
  calls("frame-16", "16 calls in a frame, 8 connections, 4 frames in flight", {
    connections: 8,
    inFlight: 4,
    perFrame: 16,
  }),
  calls("binary-64k", "64 KiB binary call, 8 connections, 2 in flight", {
    connections: 8,
    inFlight: 2,
    size: 64 * KIB,
  }),
  {
    name: "stream",
    title: "stream of small items, 8 connections",
    unit: "item",
    job: { workload: "stream", connections: 8, items: 5_000 },
    timed: true,
  },
  {
    name: "upload",
    title: "small call at a time, while an upload fills its connection",
    unit: "MiB",
    job: { workload: "upload", connections: 1, piece: 64 * KIB, warmUpMib: 16 },
    timed: false,
  },
];

function calls(name, title, shape) {
  const job = { workload: "unary", perFrame: 1, size: 0, ...shape };
  return { name, title, unit: "call", job, timed: true };
}
