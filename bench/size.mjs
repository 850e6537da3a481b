// The browser's client in bytes: client/mod.ts bundled and minified by esbuild, then gzip -9, with the codec and everything; and which file
// has how much of it.
//
//   node bench/size.mjs [--json FILE]
import { gzipSync } from "node:zlib";
import { root } from "../tools/setup.mjs";
import { mainOf } from "./part.mjs";

/** Target, gzipped. */
const MOST = 12_000;

/** @type {import("./part.mjs").Part} */
export const size = { name: "size", defaults: {}, measure, table, misses };

async function measure() {
  const { build } = await import("esbuild");
  const options = {
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "esnext",
    metafile: true,
    write: false,
  };
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [`${root}/client/mod.ts`],
    absWorkingDir: root,
    outdir: "out",
  });
  const code = outputFiles[0].contents;
  const { inputs } = Object.values(metafile.outputs)[0];
  const files = Object.entries(inputs).map(([file, { bytesInOutput }]) => ({
    file,
    bytes: bytesInOutput,
    gzip: undefined,
  }));
  files.sort((a, b) => b.bytes - a.bytes);
  return [
    { file: "all", bytes: code.length, gzip: gzipSync(code, { level: 9 }).length },
    ...files.filter(({ bytes }) => bytes > 0),
  ];
}

function table(rows) {
  const [{ bytes: whole }] = rows;
  return [
    ["file", "minified", "part", "gzip -9"],
    ...rows.map((
      { file, bytes, gzip },
    ) => [
      file,
      String(bytes),
      `${(bytes / whole * 100).toFixed(1)} %`,
      gzip === undefined ? "" : String(gzip),
    ]),
  ];
}

function misses([{ gzip }]) {
  return gzip < MOST ? [] : [`the client is ${gzip} bytes, not under ${MOST}`];
}

await mainOf(import.meta.url, size);
