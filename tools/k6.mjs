// k6, for the load scripts in bench/k6: uses what is there, else builds it with Go, and says so.
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { run } from "./child.mjs";
import { root } from "./setup.mjs";

/** The version that the scripts are written for. */
const VERSION = "1.8.1";

/** The command that installs k6 by hand, named where something is skipped for want of it. */
export const K6_COMMAND = `go install go.k6.io/k6@v${VERSION}`;

/** A cold build takes two to three minutes on two cores. */
const PATIENCE = 900_000;

/**
 * The path of k6: `MILLRACE_K6` where set, else the one on PATH if it is this version, else the one in .millrace/bin, built there
 * when it is missing.
 *
 * @returns {Promise<string | undefined>} undefined where there is none and no Go to build it
 * @throws {Error} with what Go said, when it does not build
 */
export async function k6() {
  const given = process.env.MILLRACE_K6;
  if (given) return given;
  const folder = join(root, ".millrace", "bin");
  const built = join(folder, "k6");
  for (const path of [...onPath("k6"), built]) if (await isRight(path)) return path;
  const go = [...onPath("go"), "/usr/local/go/bin/go"].find((path) => existsSync(path));
  if (go === undefined) return undefined;
  console.log(`set-up: building k6 ${VERSION} into .millrace/bin (${K6_COMMAND}; two to three minutes)`);
  mkdirSync(folder, { recursive: true });
  const [, ...args] = K6_COMMAND.split(" ");
  const { code, output } = await run(go, args, {
    env: { GOBIN: folder, CGO_ENABLED: "0" },
    timeout: PATIENCE,
  });
  if (code !== 0 || !(await isRight(built))) throw new Error(`Cannot build k6 ${VERSION}\n${output}`);
  return built;
}

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).filter((path) => existsSync(path));
}

async function isRight(path) {
  if (!existsSync(path)) return false;
  const { code, stdout } = await run(path, ["version"], { timeout: 20_000 });
  return code === 0 && stdout.includes(`v${VERSION} `);
}
