// What a fresh machine with only Node and npm lacks: the packages of package.json, Deno, Bun, Node 22,
// Chromium, Redis. Uses what is there, gets the rest, and says so. Only node: modules here: this runs before
// anything is installed, under Node, Deno or Bun.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { run } from "./child.mjs";

/** The checkout, without a slash at the end. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/**
 * The oldest version of each runtime that the tests are meant for, and where tools/runtimes/NAME holds its
 * binary once it is installed.
 */
const RUNTIMES = {
  deno: { oldest: [2, 9], binary: "node_modules/deno/deno" },
  bun: { oldest: [1, 4], binary: "node_modules/bun/bin/bun.exe" },
  node: { oldest: [22, 18], binary: "node_modules/node/bin/node" },
};

/**
 * Installs the packages of a folder, the root unless another is given, when its `node_modules` does not hold
 * what its package.json asks for.
 */
export async function ensurePackages(folder = root) {
  const { dependencies, devDependencies } = manifestOf(folder);
  const wanted = Object.entries({ ...dependencies, ...devDependencies });
  if (wanted.every(([name, version]) => manifestOf(join(folder, "node_modules", name)).version === version)) {
    return;
  }
  console.log(`set-up: installing packages${folder === root ? "" : ` into ${relative(root, folder)}`}`);
  await install(folder, "ci");
}

function manifestOf(folder) {
  const path = join(folder, "package.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

/**
 * The path of a runtime: `MILLRACE_DENO`, `MILLRACE_BUN` or `MILLRACE_NODE` where set, else the one on PATH
 * if it is new enough, else the one in tools/runtimes, installed there when it is missing.
 *
 * @param {"deno" | "bun" | "node"} name
 * @returns {Promise<string>}
 */
export async function runtime(name) {
  const given = process.env[`MILLRACE_${name.toUpperCase()}`];
  if (given) return given;
  const { oldest, binary } = RUNTIMES[name];
  const folder = join(root, "tools", "runtimes", name);
  const installed = join(folder, binary);
  for (const path of [...onPath(name), installed]) {
    if (await newEnough(path, oldest)) return path;
  }
  const [dependency, version] = Object.entries(manifestOf(folder).dependencies)[0];
  console.log(`set-up: installing ${dependency} ${version} from npm into tools/runtimes`);
  await install(folder, "install");
  if (await newEnough(installed, oldest)) return installed;
  throw new Error(
    `Cannot find ${name} ${oldest.join(".")} or newer: npm did not bring one into tools/runtimes/${name}`,
  );
}

/**
 * Finds all three runtimes, and puts them into the environment for every child.
 *
 * @returns {Promise<{ deno: string, bun: string, node: string }>}
 */
export async function runtimes() {
  const found = { deno: "", bun: "", node: "" };
  for (const name of ["deno", "bun", "node"]) {
    found[name] = await runtime(name);
    process.env[`MILLRACE_${name.toUpperCase()}`] = found[name];
  }
  return found;
}

/** The command that installs Chromium by hand, named where a group is skipped for want of it. */
export const CHROMIUM_COMMAND = "apt-get install -y chromium";

/**
 * The path of a Chromium: `MILLRACE_CHROMIUM` where set, else the one on PATH, else installed by apt when
 * this is root.
 *
 * @returns {Promise<string | undefined>} undefined where there is none and it cannot be installed
 */
export async function chromium() {
  const find = () => onPath("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")[0];
  const given = process.env.MILLRACE_CHROMIUM ?? find();
  if (given) return given;
  if (!(await apt("Chromium", "chromium", "fonts-dejavu-core"))) return undefined;
  return find();
}

/** The oldest Redis that the tests are meant for: the first with sharded pub/sub. */
const REDIS = [7, 0];

/** The command that installs Redis by hand. */
export const REDIS_COMMAND = "apt-get install -y redis-server";

/**
 * The path of a redis-server: `MILLRACE_REDIS` where set, else the one on PATH if it is new enough, else installed
 * by apt when this is root. Puts it into the environment for every child.
 *
 * @returns {Promise<string>}
 */
export async function redisServer() {
  const given = process.env.MILLRACE_REDIS;
  if (given) return given;
  const find = async () => {
    for (const path of onPath("redis-server")) if (await newEnough(path, REDIS)) return path;
  };
  const found = await find() ?? (await apt("Redis", "redis-server") ? await find() : undefined);
  if (!found) {
    throw new Error(
      `Cannot find redis-server ${REDIS.join(".")} or newer: set MILLRACE_REDIS, or try ${REDIS_COMMAND}`,
    );
  }
  process.env.MILLRACE_REDIS = found;
  return found;
}

/** Installs packages of Debian; false where that cannot be tried. None of their services is started. */
async function apt(title, ...packages) {
  if (process.getuid?.() !== 0 || onPath("apt-get").length === 0) return false;
  console.log(`set-up: installing ${title} (apt)`);
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update"], { env, timeout: 120_000 });
  await run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env, timeout: 300_000 });
  return true;
}

function onPath(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).filter((path) =>
    existsSync(path)
  );
}

async function newEnough(path, [major, minor]) {
  if (!existsSync(path)) return false;
  const { code, stdout } = await run(path, ["--version"], { timeout: 20_000 });
  const version = /(\d+)\.(\d+)\.\d+/.exec(stdout);
  if (code !== 0 || !version) return false;
  return Number(version[1]) > major || (Number(version[1]) === major && Number(version[2]) >= minor);
}

/** `verb`: "ci" where there is a lock file, else "install". */
async function install(folder, verb) {
  const [command, ...args] = installer(verb);
  const { code, output } = await run(command, args, { cwd: folder, timeout: 300_000 });
  if (code !== 0) throw new Error(`Cannot install into ${folder}: ${command} failed\n${output}`);
}

/** npm where there is one; Deno can run npm's own package, and Bun reads npm's lock file. */
function installer(verb) {
  const npm = [verb, "--no-fund", "--no-audit", ...(verb === "ci" ? [] : ["--no-package-lock"])];
  if (onPath("npm").length > 0) return ["npm", ...npm];
  if (process.versions.deno) return [process.execPath, "run", "-A", "npm:npm@11", ...npm];
  if (process.versions.bun) return [process.execPath, "install", "--no-save"];
  throw new Error("Cannot install anything: there is no npm on PATH");
}
