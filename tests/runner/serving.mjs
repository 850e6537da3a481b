// Starts a server file the way its users do.
import { start } from "../../tools/child.mjs";
import { freePort, listens } from "../../tools/ports.mjs";

/**
 * Runs `use` while a server file is served by `deno serve` or `bun` on a free port.
 *
 * @param {{ rt: { deno: string, bun: string }, runtime: "deno" | "bun", file: string, cwd: string, env?:
 *   Record<string, string> }} server
 * @param {(port: number) => Promise<{ code: number, output: string }>} use
 * @returns {Promise<{ code: number, output: string }>} the outcome of `use`, with what the server said where
 *   it failed
 */
export async function serving({ rt, runtime, file, cwd, env = {} }, use) {
  const port = await freePort();
  const args = runtime === "deno" ? ["serve", "-A", "--no-lock", "--port", String(port), file] : [file];
  const server = start(rt[runtime], args, { cwd, env: { PORT: String(port), ...env } });
  try {
    if (!(await listens(port))) {
      return { code: 1, output: `${file} did not listen under ${runtime}\n${server.output()}` };
    }
    const outcome = await use(port);
    if (outcome.code === 0) return outcome;
    return {
      ...outcome,
      output: `${outcome.output}\n(the server under ${runtime} said)\n${server.output()}`,
    };
  } finally {
    await server.stop();
  }
}
