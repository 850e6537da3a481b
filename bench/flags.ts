// The command line of the scripts that run in the runtime that they measure: what is wrong, the usage and exit 2; the usage alone for --help.
import process from "node:process";
import { parseArgs, type ParseArgsConfig } from "node:util";

/** Reads the options of a script. */
export function flagsOf<Options extends NonNullable<ParseArgsConfig["options"]>>(
  script: string,
  options: Options,
): ReturnType<typeof parseArgs<{ options: Options }>>["values"] {
  const known = Object.entries(options).map(([name, { type }]) =>
    type === "boolean" ? ` [--${name}]` : ` [--${name} ${name.toUpperCase()}]`
  );
  const isBunAlone = script.endsWith("_bun.ts");
  const usage = isBunAlone
    ? `bun bench/${script}${known.join("")}`
    : `deno run -A bench/${script}${known.join("")}        or with bun`;
  if (process.argv.includes("--help")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}
