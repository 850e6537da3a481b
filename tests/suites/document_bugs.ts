/**
 * Bugs of messages that change, in a clean history. More of them are in `tests/change_bugs_test.ts` and `tests/reaction_bugs_test.ts`.
 */
import type { ReactionSummary } from "../../rpc/interactions.ts";
import type { LogEvent } from "../../testing/log.ts";
import { scenarioOf } from "../../tools/sim/scenario.ts";
import { runScenario } from "../../tools/sim/simulation.ts";
import type { SeededBug } from "./mutant.ts";

const at = (offset: number) => ({ epoch: "E", offset, fingerprint: offset });

/** The bugs. */
export const DOCUMENT_BUGS: readonly SeededBug[] = [
  ["documents", "a message that was deleted is given to who asks", (mutant) => {
    const line = { at: 0, client: "dee" } as const;
    mutant.log.push(
      { ...line, is: "document", id: "1", what: "publish" },
      { ...line, is: "document done", id: "1", position: at(1) },
      { ...line, is: "document", id: "2", what: "delete", target: at(1) },
      { ...line, is: "document done", id: "2", position: at(2) },
      { ...line, is: "documents asked", ask: "3" },
      {
        ...line,
        is: "documents",
        ask: "3",
        position: at(2),
        documents: [{ offset: 1, text: "<1>", reactions: {} }],
      },
    );
  }],
  ["documents", "what server code did first lands last", (mutant) => {
    const line = { at: 0, client: "server" } as const;
    mutant.log.splice(
      -1,
      0,
      { ...line, is: "document", id: "1", what: "publish" },
      { ...line, is: "document", id: "2", what: "publish" },
      { ...line, is: "document done", id: "1", position: at(2) },
      { ...line, is: "document done", id: "2", position: at(1) },
    );
  }],
  ["documents", "a reaction is refused where there is room for it", (mutant) => {
    mutant.log.splice(-1, 0, ...reacted("TOO_LARGE", []));
  }],
  ["documents", "a reaction that was refused counts", (mutant) => {
    const listed = { value: "a", total: 1, users: [], clipped: true } as const;
    mutant.log.splice(-1, 0, ...reacted("FORBIDDEN", [{ mood: { values: [listed] } }]));
  }],
];

/** A message, a reaction to it that is refused, and what who asks is told of both. */
function reacted(code: string, told: readonly ReactionSummary[]): LogEvent[] {
  const line = { at: 0, client: "dee" } as const;
  const reaction = { kind: "mood", counted: "distinct", value: "a", undo: false } as const;
  return [
    { ...line, is: "document", id: "1", what: "publish" },
    { ...line, is: "document done", id: "1", position: at(1) },
    { ...line, is: "document", id: "2", what: "react", target: at(1), reaction },
    { ...line, is: "document failed", id: "2", code, ambiguous: false },
    ...told.map((reactions): LogEvent => ({
      ...{ ...line, is: "documents", position: at(1) },
      documents: [{ offset: 1, text: "<1>", reactions }],
    })),
  ];
}

/** Whether the first seed that shows a bug breaks the rule. */
export async function isFound<T extends object, K extends keyof T>(
  where: T,
  method: K,
  bug: (original: T[K]) => T[K],
  from = 1,
): Promise<boolean> {
  const original = where[method];
  where[method] = bug(original);
  try {
    for (let seed = from; seed < from + 250; seed++) {
      const { anomalies } = await runScenario(scenarioOf(seed));
      if (anomalies.length > 0) return anomalies.some(({ rule }) => rule === "documents");
    }
    return false;
  } finally {
    where[method] = original;
  }
}
