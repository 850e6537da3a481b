// The command line of the scripts that run in the runtime that they measure: one line and exit 2 where it is wrong, one line for --help.
import process from "node:process";
import { parseArgs, type ParseArgsConfig } from "node:util";

/** Reads the options of a script. */
export function flagsOf<Options extends NonNullable<ParseArgsConfig["options"]>>(
  script: string,
  options: Options,
): ReturnType<typeof parseArgs<{ options: Options }>>["values"] {
  if (process.argv.includes("--help")) {
    const known = Object.entries(options).map(([name, { type }]) =>
      type === "boolean" ? ` [--${name}]` : ` [--${name} ${name.toUpperCase()}]`
    );
    console.log(`deno run -A bench/${script}${known.join("")}        or with bun`);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}
