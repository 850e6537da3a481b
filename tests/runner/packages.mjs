// The package as its users get it: the npm tarball in empty projects of npm and Bun, and
// jsr:@millrace/millrace from a loopback registry.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../tools/child.mjs";
import { registry } from "../../tools/jsr.mjs";
import { pack } from "../../tools/pack.mjs";
import { root } from "../../tools/setup.mjs";
import { check, problems } from "./report.mjs";
import { serving } from "./serving.mjs";

/** The tarball: what is in it, what the linters say, and what it does under Node, Deno and Bun. */
export function tarball(context) {
  return inFolder(async (work) => {
    const { rt } = context;
    const { tarball, folder } = await pack(work, rt.node);
    const tool = (...args) => run(rt.node, args, { cwd: root });
    const installed = [
      check("publint", await tool("node_modules/publint/src/cli.js", "run", folder, "--strict")),
      check(
        "attw, ESM only",
        await tool("node_modules/@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only"),
      ),
      check("npm install", await project(join(work, "npm"), "npm", ["install", tarball, zod()])),
      check("bun add", await project(join(work, "bun"), rt.bun, ["add", tarball, zod()])),
    ];
    if (installed.some((one) => one.failed > 0)) return installed;
    const places = { node: join(work, "npm"), deno: join(work, "npm"), bun: join(work, "bun") };
    return [
      ...installed,
      ...await checkedTypes(rt, places.node),
      ...await imported(rt, places),
      ...await called(rt, places),
    ];
  });
}

/** JSR: Deno gets every export by `jsr:`, checks the types and makes a call. */
export function jsr({ rt }) {
  return inFolder(async (work) => {
    const shop = await registry(rt.deno);
    try {
      const cwd = join(work, "jsr");
      const env = { JSR_URL: shop.url, DENO_DIR: join(work, "cache") };
      files(cwd);
      const { name, version } = manifest();
      const imports = { [name]: `jsr:${name}@^${version}`, zod: `npm:${zod()}` };
      writeFileSync(join(cwd, "deno.json"), JSON.stringify({ imports, lock: false }));
      const deno = (...args) => run(rt.deno, args, { cwd, env });
      const server = { rt, runtime: "deno", file: "server.ts", cwd, env };
      return [
        problems("only what belongs to it is published", stray(shop.files)),
        check("deno check --all", await deno("check", "--all", "exports.ts", "server.ts", "client.ts")),
        check("every export imported", await deno("run", "-A", "exports.ts")),
        check(
          "a call",
          await serving(
            server,
            (port) => run(rt.deno, ["run", "-A", "client.ts"], { cwd, env: { ...env, PORT: `${port}` } }),
          ),
        ),
      ];
    } finally {
      await shop.stop();
    }
  });
}

async function inFolder(use) {
  const work = mkdtempSync(join(tmpdir(), "millrace-packages-"));
  try {
    return await use(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function manifest() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

function zod() {
  return `zod@${manifest().devDependencies.zod}`;
}

/** An empty project with the programs of tests/packaging, and one that imports every export. */
function files(folder) {
  cpSync(join(root, "tests", "packaging"), folder, { recursive: true });
  const { name, exports } = manifest();
  const keys = Object.keys(exports).filter((key) => key !== "./package.json");
  const program = [
    ...keys.map((key, at) => `import * as e${at} from ${JSON.stringify(name + key.slice(1))};`),
    `const all = { ${keys.map((key, at) => `${JSON.stringify(key)}: Object.keys(e${at})`).join(", ")} };`,
    "const empty = Object.entries(all).filter(([, names]) => names.length === 0);",
    "if (empty.length > 0) throw new Error(`nothing is exported: ${empty}`);",
    "console.log(JSON.stringify(all));",
  ];
  writeFileSync(join(folder, "exports.ts"), `${program.join("\n")}\n`);
}

function project(folder, command, args) {
  files(folder);
  const settings = { name: "project", private: true, type: "module" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(settings));
  return run(command, args, { cwd: folder });
}

async function checkedTypes(rt, cwd) {
  const results = [];
  for (const resolution of ["nodenext", "bundler"]) {
    const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", `tsconfig.${resolution}.json`];
    results.push(check(`tsc, moduleResolution ${resolution}`, await run(rt.node, args, { cwd })));
  }
  return results;
}

async function imported(rt, places) {
  const results = [];
  for (const runtime of ["node", "deno", "bun"]) {
    const args = runtime === "deno" ? ["run", "-A", "exports.ts"] : ["exports.ts"];
    results.push(
      check(`every export imported under ${runtime}`, await run(rt[runtime], args, { cwd: places[runtime] })),
    );
  }
  return results;
}

async function called(rt, places) {
  const results = [];
  for (const server of ["deno", "bun"]) {
    for (const client of ["node", "deno", "bun"]) {
      const outcome = await serving(
        { rt, runtime: server, file: "server.ts", cwd: places[server] },
        (port) => {
          const args = client === "deno" ? ["run", "-A", "client.ts"] : ["client.ts"];
          return run(rt[client], args, { cwd: places[client], timeout: 20_000, env: { PORT: `${port}` } });
        },
      );
      results.push(check(`a ${client} client calls a ${server} server`, outcome));
    }
  }
  return results;
}

function stray(files) {
  return files.filter((path) => /^(tests|bench|examples|tools|\.)/.test(path) || /_test\.ts$/.test(path));
}
