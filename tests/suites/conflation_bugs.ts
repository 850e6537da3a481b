/**
 * Publications that were replaced before they were sent, in a clean history, and bugs of them, one thing wrong each.
 */
import type { Mutant, SeededBug } from "./mutant.ts";

/** Whether its producer has landed something before it, and after it there. */
function isBetween(mutant: Mutant, at: number): boolean {
  const { channel, producer, number } = mutant.get("published", at);
  const others = mutant.log.filter((event) =>
    event.is === "published" && event.channel === channel && event.producer === producer
  ) as { number: number }[];
  return others.some((other) => other.number > number) && others.some((other) => other.number < number);
}

/** One is replaced by the last that landed between others of its producer. Gives where its publisher is told so. */
export function replaced(mutant: Mutant): number {
  const newer = mutant.get("published", mutant.find("published", (_event, at) => isBetween(mutant, at)));
  const { channel, producer, number, position } = newer;
  const publishing = { channel, producer, number: number - 0.5 };
  const published = mutant.find(
    "publish",
    (event) => event.channel === channel && event.producer === producer && event.number === number,
  );
  const { at } = mutant.get("publish", published);
  mutant.insert(published, { at, is: "publish", ...publishing, value: "replaced" });
  const answered = mutant.log.indexOf(newer);
  mutant.insert(answered + 1, { at: newer.at, is: "publish replaced", ...publishing, position });
  return answered + 1;
}

/** Lets it be told what another one of its producer was told. */
function tell(mutant: Mutant, fits: (number: number, own: number) => boolean): void {
  const at = replaced(mutant);
  const { channel, producer, number } = mutant.get("publish replaced", at);
  const { position } = mutant.get(
    "published",
    mutant.find(
      "published",
      (event) => event.channel === channel && event.producer === producer && fits(event.number, number),
    ),
  );
  mutant.change("publish replaced", at, { position });
}

/** The bugs. */
export const CONFLATION_BUGS: readonly SeededBug[] = [
  ["conflation", "one is replaced although it was sent", (mutant) => {
    const at = replaced(mutant);
    const { number, ...event } = mutant.get("publish replaced", at);
    const sent = mutant.find(
      "published",
      (other) =>
        other.channel === event.channel && other.producer === event.producer && other.number === number + 0.5,
    );
    const newer = mutant.get(
      "published",
      mutant.find(
        "published",
        (other) =>
          other.channel === event.channel && other.producer === event.producer && other.number > number + 0.5,
      ),
    );
    mutant.log[sent] = { ...event, number: number + 0.5, position: newer.position };
  }],
  ["conflation", "the newest never lands, though those that it replaced were told so", (mutant) => {
    const at = replaced(mutant);
    const { position } = mutant.get("publish replaced", at);
    mutant.change("publish replaced", at, {
      position: { ...position, fingerprint: position.fingerprint + 1 },
    });
  }],
  ["conflation", "the oldest is kept instead of the newest", (mutant) => tell(mutant, (n, own) => n < own)],
];
