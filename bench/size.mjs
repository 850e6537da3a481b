// The browser's client in bytes, minified and gzipped by itself: what a page loads at first, with the codec; each part that is loaded when it is used; and all
// of it in one file, as a bundler makes it that does not split.
//
//   node bench/size.mjs [--files yes] [--json FILE]     with `--files yes` also how much of the core each file is
import { gzipSync } from "node:zlib";
import { root } from "../tools/setup.mjs";
import { mainOf } from "./part.mjs";

/** Target of the core, gzipped. */
const MOST = 12_000;

/** What is loaded when it is used, by the module that is asked for. */
const PARTS = {
  "client/channels.ts": "channels",
  "rpc/bulk_code.ts": "streams and large messages",
  "client/offers.ts": "what answers the server",
};

/** @type {import("./part.mjs").Part} */
export const size = {
  name: "size",
  defaults: { files: "no" },
  takes: { files: ["yes", "no"] },
  measure,
  table,
  misses,
};

async function measure({ files }) {
  const { core, parts } = await split();
  const [whole] = await bundle({ splitting: false });
  return [
    { part: "core", ...core },
    ...parts.map(({ name, bytes, gzip }) => ({ part: name, bytes, gzip })),
    { part: "all in one file", ...sizesOf([whole.code]) },
    ...(files === "yes" ? core.files : []),
  ].map(({ part, bytes, gzip }) => ({ part, bytes, gzip }));
}

/**
 * The client as esbuild splits it.
 *
 * @returns {Promise<{
 *   core: { bytes: number, gzip: number, files: { part: string, bytes: number }[] },
 *   parts: { name: string, bytes: number, gzip: number, files: string[] }[]
 * }>} `gzip` is that of all chunks put together: esbuild makes a chunk of whatever two of them share, other bundlers do not. What comes with
 *   a part is what neither the core nor a part before it has
 */
export async function split() {
  const chunks = new Map((await bundle({ splitting: true })).map((chunk) => [chunk.path, chunk]));
  const loaded = new Set();
  /** A chunk and what it imports at once, but for what was loaded before. */
  const load = (path) => {
    if (loaded.has(path)) return [];
    loaded.add(path);
    const chunk = chunks.get(path);
    const now = chunk.imports.filter(({ kind }) => kind === "import-statement");
    return [chunk, ...now.flatMap(({ path }) => load(path))];
  };
  const entry = (file) => [...chunks.values()].find(({ entryPoint }) => entryPoint === file).path;
  const core = load(entry("client/mod.ts"));
  const parts = Object.entries(PARTS).map(([file, name]) => {
    const found = load(entry(file));
    return { name, ...sizesOf(found.map(({ code }) => code)), files: filesOf(found).map(({ part }) => part) };
  });
  return { core: { ...sizesOf(core.map(({ code }) => code)), files: filesOf(core) }, parts };
}

/** @returns {Promise<{ path: string, code: Uint8Array, entryPoint?: string, imports: object[], inputs: object }[]>} */
async function bundle({ splitting }) {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "esnext",
    metafile: true,
    write: false,
    splitting,
    entryPoints: [`${root}/client/mod.ts`],
    absWorkingDir: root,
    outdir: "out",
  });
  const paths = Object.keys(metafile.outputs);
  return outputFiles.map(({ path, contents }) => {
    const name = paths.find((one) => path.replaceAll("\\", "/").endsWith(`/${one}`));
    return { path: name, code: contents, ...metafile.outputs[name] };
  });
}

function sizesOf(codes) {
  const all = Buffer.concat(codes);
  return { bytes: all.length, gzip: gzipSync(all, { level: 9 }).length };
}

function filesOf(chunks) {
  const files = chunks.flatMap(({ inputs }) => Object.entries(inputs));
  return files.map(([part, { bytesInOutput: bytes }]) => ({ part, bytes }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes);
}

function table(rows) {
  return [
    ["part", "minified", "gzip -9"],
    ...rows.map(({ part, bytes, gzip }) => [part, String(bytes), gzip === undefined ? "" : String(gzip)]),
  ];
}

function misses([{ gzip }]) {
  return gzip < MOST ? [] : [`the core is ${gzip} bytes, not under ${MOST}`];
}

await mainOf(import.meta.url, size);
