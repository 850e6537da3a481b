// The files that --json writes: an earlier one is kept under another name, and any other file is left alone.
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { extname } from "node:path";

/**
 * Reads what --json wrote.
 *
 * @param {string} path
 * @param {"use" | "overwrite"} what  is to be done with it, for the error
 * @returns {any} it names its machine, whatever else it is
 * @throws {Error} where it is none of these files
 */
export function readKept(path, what = "use") {
  let found;
  try {
    found = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw new Error(`Cannot ${what} ${path}: ${error.message}`);
  }
  if (found?.machine?.versions !== undefined) return found;
  throw new Error(`Cannot ${what} ${path}: it is no file that --json of this benchmark wrote`);
}

/** Asked before anything is measured. @throws {Error} where there is a file that is no result */
export function checkFree(json) {
  if (json !== undefined && existsSync(json)) readKept(json, "overwrite");
}

/** Keeps what an earlier run left in a file that is to be written. @returns {string | undefined} where it is now */
export function setAside(json) {
  if (json === undefined || !existsSync(json)) return undefined;
  checkFree(json);
  const [end, time] = [extname(json), statSync(json).mtime.toISOString().slice(0, 19).replaceAll(":", "-")];
  const base = `${json.slice(0, json.length - end.length)}-${time}`;
  let kept = `${base}${end}`;
  for (let i = 2; existsSync(kept); i++) kept = `${base}-${i}${end}`;
  renameSync(json, kept);
  return kept;
}

/** The same, and says so. */
export function makeRoom(json) {
  const kept = setAside(json);
  if (kept !== undefined) console.log(`What was in ${json} before is in ${kept} now`);
}
