// What serves the page of an example beside its app: `page.html` in a frame, `page.ts` as one script, and one style for all.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import type { Millrace } from "../../mod.ts";

const style = new URL("./style.css", import.meta.url);

/** The app at its path, and its page at all others: give it to `export default`, for `deno serve` and for `bun`. */
export function withPage(app: Pick<Millrace, "fetch" | "websocket">, file: string, title: string) {
  const script = bundle(fileURLToPath(new URL("./page.ts", file)));
  script.catch((error) => console.error("Cannot bundle the page:", error));
  const answers: Record<string, () => Promise<[type: string, body: string]>> = {
    "/": async () => ["text/html", frame(title, await readFile(new URL("./page.html", file), "utf8"))],
    "/style.css": async () => ["text/css", await readFile(style, "utf8")],
    "/page.js": async () => ["text/javascript", await script],
  };
  return {
    async fetch(request: Request, info?: unknown): Promise<Response> {
      const answer = answers[new URL(request.url).pathname];
      if (answer === undefined) return await app.fetch(request, info);
      const [type, body] = await answer();
      return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
    },
    websocket: app.websocket,
  };
}

/** Whoever brings a secret is somebody; others know them by a hash of it. */
export function bySecret({ token }: { token?: string | undefined }): { subject?: string } {
  return token === undefined ? {} : { subject: createHash("sha256").update(token).digest("base64url") };
}

/** esbuild runs as a child process, which ends here. */
async function bundle(path: string): Promise<string> {
  try {
    const options = { bundle: true, write: false, format: "esm", target: "es2022" } as const;
    return (await build({ entryPoints: [path], ...options })).outputFiles[0]!.text;
  } finally {
    await stop();
  }
}

function frame(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/style.css">
    <script type="module" src="/page.js"></script>
  </head>
  <body>
    <header><h1>${title}</h1><p id="state" role="status">connecting</p></header>
    <main>${body}</main>
  </body>
</html>
`;
}
