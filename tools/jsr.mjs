// A JSR registry on the loopback that holds one package, this one, as `deno publish` would have sent it: Deno
// takes it for the real one when JSR_URL names it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./child.mjs";
import { root } from "./setup.mjs";
import { parse } from "./syntax.mjs";

/**
 * Starts the registry.
 *
 * @param {string} deno  asked, by `deno publish --dry-run`, which files belong to the package
 * @returns {Promise<{ url: string, files: string[], stop(): Promise<void> }>} `url` for JSR_URL
 */
export async function registry(deno) {
  const { name, version, exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const files = await published(deno);
  const answers = new Map([...files].map(([path, text]) => [`/${name}/${version}/${path}`, text]));
  answers.set(
    `/${name}/meta.json`,
    json({
      scope: name.slice(1).split("/")[0],
      name: name.split("/")[1],
      latest: version,
      versions: { [version]: {} },
    }),
  );
  answers.set(`/${name}/${version}_meta.json`, json({ exports, manifest: manifest(files) }));
  const server = createServer((request, response) => {
    const text = answers.get(decodeURI(request.url ?? ""));
    const type = request.url?.endsWith(".json") ? "application/json" : "text/typescript";
    response.writeHead(text === undefined ? 404 : 200, { "content-type": type }).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    files: [...files.keys()],
    stop: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

function json(value) {
  return JSON.stringify(value);
}

function manifest(files) {
  return Object.fromEntries([...files].map(([path, text]) => {
    const checksum = `sha256-${createHash("sha256").update(text).digest("hex")}`;
    return [`/${path}`, { size: Buffer.byteLength(text), checksum }];
  }));
}

async function published(deno) {
  const { code, output } = await run(deno, ["publish", "--dry-run", "--allow-dirty"], { cwd: root });
  if (code !== 0) {
    throw new Error(`Cannot list the files of the package: deno publish --dry-run failed\n${output}`);
  }
  const files = new Map();
  for (const [, url] of output.matchAll(/^\s+(file:\/\/\S+) \(/gm)) {
    const path = fileURLToPath(url).slice(root.length + 1);
    const text = readFileSync(fileURLToPath(url), "utf8");
    files.set(path, path.endsWith(".ts") ? await withRegistryNames(path, text) : text);
  }
  return files;
}

/** `deno publish` writes the version into each import of a package: JSR knows no package.json. */
async function withRegistryNames(path, text) {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { imports } = await parse(path, text);
  let result = text;
  for (const { specifier, start, end } of imports.toSorted((a, b) => b.start - a.start)) {
    const version = dependencies[specifier];
    if (version) result = `${result.slice(0, start)}"npm:${specifier}@${version}"${result.slice(end)}`;
  }
  return result;
}
