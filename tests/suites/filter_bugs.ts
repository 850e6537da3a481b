/**
 * Bugs of filters, one thing wrong each in a clean history of which a part was made to want a part.
 */
import type { LogEvent } from "../../testing/log.ts";
import type { Mutant, SeededBug } from "./mutant.ts";

type Page = Extract<LogEvent, { is: "page" }>;

/** Values that do not pass: every third. */
function isOther(value: string): boolean {
  return Number(/\d+$/.exec(value)) % 3 === 0;
}

/**
 * Lets all subscriptions, and all pages, of a clean history want what has the tag `a`, which two of three publications have, and takes from them what
 * they do not want.
 */
export function filtered({ log }: Mutant): void {
  const filter = ["a"];
  const kept: LogEvent[] = [];
  let isGone = false; // what was looked at while its handler ran is gone with it
  for (const event of log) {
    if (event.is === "looked" && isGone) continue;
    isGone = event.is === "message" && isOther(event.value);
    if (isGone) continue;
    if (event.is === "publish") kept.push({ ...event, tag: isOther(event.value) ? "b" : "a" });
    else if (event.is === "subscribe") kept.push({ ...event, filter });
    else if (event.is === "page") kept.push(filteredPage(event));
    else kept.push(event);
  }
  log.splice(0, Infinity, ...kept);
}

function filteredPage(event: Page): Page {
  const { query, told, entries } = event;
  if (query === undefined || told === undefined) return event;
  const through = query.after !== undefined ? entries.at(-1) : entries[0];
  return {
    ...event,
    entries: entries.filter(({ value }) => !isOther(value)),
    query: { ...query, filter: ["a"] },
    told: { ...told, through: through?.position },
  };
}

function page(mutant: Mutant, fits: (page: Page) => boolean = () => true): Page {
  return mutant.get("page", mutant.find("page", (one) => one.query !== undefined && fits(one)));
}

/** The bugs. */
export const FILTER_BUGS: readonly SeededBug[] = [
  ["filter", "something comes that was not asked for", (mutant) => {
    filtered(mutant);
    const { value } = mutant.get("message", mutant.find("message"));
    mutant.change("publish", mutant.find("publish", (event) => event.value === value), { tag: "b" });
  }],
  ["filter", "something that passes is skipped", (mutant) => {
    filtered(mutant);
    mutant.remove(
      mutant.find(
        "message",
        ({ sub, position }, at) =>
          mutant.log.some((event, later) =>
            later > at && event.is === "message" && event.sub === sub &&
            event.position.epoch === position.epoch
          ) && !mutant.log.slice(at + 1).some((event) => event.is === "reset" && event.sub === sub),
      ),
    );
  }],
  ["filter", "something comes twice", (mutant) => {
    filtered(mutant);
    mutant.repeat(mutant.find("message"), {});
  }],
  ["filter", "what is skipped hides another past", (mutant) => {
    filtered(mutant);
    const at = mutant.find("message", ({ position }) => position.offset > 3);
    const { sub, position } = mutant.get("message", at);
    const { epoch } = position;
    mutant.insert(at, {
      at: 0,
      is: "reset",
      sub,
      reason: "history",
      position: { epoch, offset: 2, fingerprint: 5 },
    });
  }],
  ["filter", "a page has what was not asked for", (mutant) => {
    filtered(mutant);
    const { entries } = page(mutant, ({ entries }) => entries.length > 0);
    const { value } = entries[0]!;
    mutant.change("publish", mutant.find("publish", (event) => event.value === value), { tag: "b" });
  }],
  ["filter", "a page lacks something that passes", (mutant) => {
    filtered(mutant);
    const found = page(mutant, ({ entries }) => entries.length > 1);
    Object.assign(found, { entries: found.entries.slice(1) });
  }],
  ["filter", "a page says that there is nothing more, though it has not looked there", (mutant) => {
    filtered(mutant);
    const found = page(mutant, ({ told }) => told!.more);
    Object.assign(found, { told: { ...found.told!, more: false } });
  }],
];
