// What the client costs, with the server left out: see client_loop.ts. On Deno, Bun and Node, and on the main thread of a page in Chromium.
//
//   node bench/client.mjs [--only deno,bun,node,chromium] [--repeats 3] [--json FILE]
import { run } from "../tools/child.mjs";
import { chromium as findChromium, root } from "../tools/setup.mjs";
import { mainOf, median, program } from "./part.mjs";

const QUIET =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** @type {import("./part.mjs").Part} */
export const client = {
  name: "client",
  defaults: { only: "deno,bun,node,chromium", repeats: "3" },
  takes: { only: ["deno", "bun", "node", "chromium"], repeats: "whole" },
  measure,
  table,
};

async function measure({ only, repeats }, rt) {
  const samples = [];
  for (let repeat = 0; repeat < Number(repeats); repeat++) {
    for (const place of only.split(",")) {
      const found = place === "chromium" ? await inChromium() : await underRuntime(rt, place);
      for (const [name, costs] of Object.entries(found)) samples.push({ place, name, repeat, ...costs });
    }
  }
  const keys = [...new Set(samples.map(({ place, name }) => JSON.stringify({ place, name })))].map((key) =>
    JSON.parse(key)
  );
  return keys.map(({ place, name }) => {
    const own = samples.filter((sample) => sample.place === place && sample.name === name);
    const middle = (what) => median(own.map((sample) => sample[what]));
    return {
      place,
      name,
      single: middle("single"),
      shared: middle("shared"),
      stream: middle("stream"),
      samples: own,
    };
  }).sort((a, b) => only.indexOf(a.place) - only.indexOf(b.place));
}

async function underRuntime(rt, runtime) {
  const [command, args] = program(rt, runtime, ["bench/client_main.ts"]);
  const { code, stdout, output } = await run(command, args, { cwd: root, timeout: 60_000 });
  if (code !== 0) throw new Error(`The client failed on ${runtime}:\n${output}`);
  return JSON.parse(stdout);
}

async function inChromium() {
  const executablePath = await findChromium();
  if (executablePath === undefined) {
    throw new Error("There is no Chromium: leave it out with --only deno,bun,node");
  }
  const [{ build }, { chromium }] = [await import("esbuild"), await import("playwright-core")];
  const options = {
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "esnext",
    write: false,
  };
  const { outputFiles } = await build({
    ...options,
    entryPoints: [`${root}/bench/client_loop.ts`],
    absWorkingDir: root,
  });
  const browser = await chromium.launch({ executablePath, args: QUIET.split(" ") });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: outputFiles[0].text });
    return await page.evaluate(() => globalThis.measureClients());
  } finally {
    await browser.close();
  }
}

function table(rows) {
  return [
    ["µs", "a call, one at a time", "a call, 16 in a turn", "1,000 stream items"],
    ...rows.map((
      { place, name, single, shared, stream },
    ) => [`${place} ${name}`, single.toFixed(2), shared.toFixed(2), stream.toFixed(0)]),
  ];
}

await mainOf(import.meta.url, client);
