import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { Hono } from "hono";

const folder = new URL("./page/", import.meta.url);

/** The page: its document, its style, and its modules as one script that is made when the server starts. */
export function pageRoutes(): Hono {
  const bundled = bundle();
  bundled.catch((error) => console.error("Cannot bundle the page:", error));
  return new Hono()
    .use(async (context, next) => {
      await next();
      context.header("cache-control", "no-cache");
    })
    .get("/", async (context) => context.html(await text("index.html")))
    .get("/style.css", async (context) => {
      return context.body((await bundled).style, 200, { "content-type": "text/css" });
    })
    .get("/main.js", async (context) => {
      return context.body((await bundled).script, 200, { "content-type": "text/javascript" });
    });
}

function text(name: string): Promise<string> {
  return readFile(new URL(name, folder), "utf8");
}

/** The script and the style, each in one piece. esbuild runs as a child process, which ends here. */
async function bundle(): Promise<{ script: string; style: string }> {
  try {
    const { outputFiles } = await build({
      entryPoints: ["main.ts", "style.css"].map((name) => fileURLToPath(new URL(name, folder))),
      outdir: "bundle",
      bundle: true,
      write: false,
      format: "esm",
      target: "es2022",
      legalComments: "none",
    });
    const ending = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
    return { script: ending(".js"), style: ending(".css") };
  } finally {
    await stop();
  }
}
