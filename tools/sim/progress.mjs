// Which seeds are still to be run, in slices, and the file in which finished slices are kept, so that a run can be ended and gone on with.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

/** What decides what a seed does. */
const CODE = ["rpc", "client", "brokers", "msgpack", "testing", "tools/sim"];

/**
 * @typedef {object} Slice  what has come of some seeds
 * @property {number} from  the first
 * @property {number} count  how many
 * @property {string} runtime  under which
 * @property {number} cpu  milliseconds of CPU
 * @property {Record<string, { hits: number, of: number }>} coverage
 * @property {{ seed: number, runtime: string }[]} failed  those with anomalies
 * @property {string[]} problems  what else was wrong
 */

/** The commit, and whether the code has been changed since. */
export function commitOf(root) {
  const isChanged = git(root, "status", "--porcelain", "--", ...CODE) !== "";
  return { commit: git(root, "rev-parse", "--short", "HEAD"), isChanged };
}

/** A name for the code that decides what a seed does: a commit that only changes a document keeps it. */
function codeOf(root) {
  return git(root, "rev-parse", ...CODE.map((path) => `HEAD:${path}`)).split("\n").map((id) => id.slice(0, 8))
    .join(" ");
}

function git(root, ...args) {
  return spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim();
}

/** Finished slices, in a file of one JSON line each, or nowhere. */
export class Progress {
  #file;
  #code;

  /** @param {string | undefined} file */
  constructor(root, file) {
    this.#file = file;
    this.#code = file === undefined ? "" : codeOf(root);
    if (file !== undefined) mkdirSync(dirname(file), { recursive: true });
  }

  /**
   * The slices that this code has run before, within these seeds.
   *
   * @returns {Slice[]}
   */
  read(from, seeds) {
    if (this.#file === undefined || !existsSync(this.#file)) return [];
    const slices = readFileSync(this.#file, "utf8").split("\n").flatMap(sliceOf).filter((slice) =>
      slice.code === this.#code && slice.from >= from && slice.from + slice.count <= from + seeds
    );
    // Each seed counts once, also where runs have begun at other seeds.
    let next = from;
    return slices.sort((a, b) => a.from - b.from).filter((slice) => {
      if (slice.from < next) return false;
      next = slice.from + slice.count;
      return true;
    });
  }

  /** @param {Slice} slice */
  add(slice) {
    if (this.#file === undefined) return;
    // On a line of its own, also behind the half of one.
    appendFileSync(this.#file, `\n${JSON.stringify({ code: this.#code, ...slice })}\n`);
  }
}

/** The slice of a line, if it is whole: a run that was killed while it wrote leaves half a line, and its seeds are run again. */
function sliceOf(line) {
  try {
    return line === "" ? [] : [JSON.parse(line)];
  } catch {
    return [];
  }
}

/**
 * What is left of some seeds, in slices of `size` at most.
 *
 * @param {{ from: number, count: number }[]} done
 * @returns {{ from: number, count: number }[]}
 */
export function slicesOf(from, seeds, size, done = []) {
  const slices = [];
  const cut = (start, end) => {
    for (let at = start; at < end; at += size) slices.push({ from: at, count: Math.min(size, end - at) });
  };
  let next = from;
  for (const slice of [...done].sort((a, b) => a.from - b.from)) {
    cut(next, slice.from);
    next = Math.max(next, slice.from + slice.count);
  }
  cut(next, from + seeds);
  return slices;
}
