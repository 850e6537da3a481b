// Builds what is written in Go, the load generator above all, into .millrace/: once for each content of its folder.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import { run } from "../tools/child.mjs";
import { filesUnder } from "../tools/files.mjs";
import { root } from "../tools/setup.mjs";

const LOAD = "bench/load";

/** Where the installer of go.dev puts it, which few have on PATH when it is new. */
const INSTALLED = "/usr/local/go/bin/go";

/** How to get it where there is none. */
export const GO_ADVICE =
  "install Go from https://go.dev/dl or with your package manager (apt install golang)";

/**
 * Go, new enough for the go.mod of a folder: `MILLRACE_GO` where set, else the one on PATH.
 *
 * @returns {Promise<{ path: string, version: string } | { missing: string }>}
 */
export async function findGo(folder = LOAD) {
  const oldest = /^go (\d+)\.(\d+)/m.exec(readFileSync(`${root}/${folder}/go.mod`, "utf8")).slice(1).map(
    Number,
  );
  const candidates = process.env.MILLRACE_GO ? [process.env.MILLRACE_GO] : ["go", INSTALLED];
  let found = "no Go";
  for (const path of candidates) {
    const { code, stdout } = await run(path, ["env", "GOVERSION"], {
      cwd: root,
      env: ENV,
      timeout: 20_000,
    });
    const version = /^go(\d+)\.(\d+)\S*/.exec(stdout);
    if (code !== 0 || version === null) continue;
    const [major, minor] = version.slice(1).map(Number);
    if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) {
      return { path, version: version[0].slice(2) };
    }
    found = version[0];
  }
  return {
    missing: `${folder} needs Go ${oldest.join(".")} or newer, and there is ${found}: ${GO_ADVICE}`,
  };
}

/** No download of another Go, no C compiler, no look at git. */
const ENV = { GOTOOLCHAIN: "local", CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" };

/** Runs Go in the folder of the generator. */
export function go(path, args, timeout = 180_000) {
  return run(path, args, { cwd: `${root}/${LOAD}`, env: ENV, timeout });
}

/**
 * The generator, built when its source has changed.
 *
 * @returns {Promise<string>} the path of the program
 * @throws {Error} where this is not Linux, there is no Go, or it does not build
 */
export function ensureGenerator() {
  if (process.platform !== "linux") throw new Error("The load generator runs on Linux only: it needs epoll");
  return ensureProgram(LOAD);
}

/** The same for any folder that holds a program in Go: with what its go.mod names, from the module proxy. */
export async function ensureProgram(folder) {
  const found = await findGo(folder);
  if ("missing" in found) throw new Error(found.missing);
  const program = `${root}/.millrace/${basename(folder)}/${hashOfSource(folder, found.version)}/program`;
  if (existsSync(program)) return program;
  console.log(`set-up: building ${folder}`);
  const options = { cwd: `${root}/${folder}`, env: ENV, timeout: 300_000 };
  const { code, output } = await run(found.path, ["build", "-o", program, "."], options);
  if (code !== 0) throw new Error(`${folder} does not build:\n${output}`);
  return program;
}

function hashOfSource(folder, version) {
  const hash = createHash("sha256").update(version);
  for (const path of [...filesUnder(folder, /\.go$/), `${folder}/go.mod`]) {
    hash.update(path).update(readFileSync(`${root}/${path}`));
  }
  return hash.digest("hex").slice(0, 16);
}
