import process from "node:process";
import { procedure } from "./procedure.ts";

/** Who answers. */
export interface Node {
  /** Its name, where it is one of several. */
  name?: string;
  /** What runs it. */
  runtime: string;
  /** The version of that. */
  version: string;
}

/** The process that answers: the one at the other end of the caller's connection. */
export const node = procedure((): Node => {
  const name = process.env.MILLRACE_DEMO_NODE;
  return { ...runtime(), ...(name && { name }) };
});

function runtime(): { runtime: string; version: string } {
  const { bun, deno, node } = process.versions;
  if (bun) return { runtime: "Bun", version: bun };
  return deno ? { runtime: "Deno", version: deno } : { runtime: "Node", version: node };
}
