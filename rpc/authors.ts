/**
 * Whose a message is, as brokers keep it. What tells one client from another is as good as a secret, so nobody is told but of subjects.
 *
 * @module
 */
import type { CallerConnection } from "./context.ts";
import { isText } from "./long_names.ts";
import { originOf } from "./origin.ts";

/** Of the server, in nobody's name. */
const NOBODY = "n";

/** The author who publishes by a connection: its subject, else its client, else itself. */
export function authorOf(connection: CallerConnection): string {
  const { subject, id } = connection;
  if (subject !== undefined) return subjectAuthor(subject);
  const producer = originOf(connection)?.producer;
  return producer === undefined ? `x${id}` : `c${producer}`;
}

/**
 * The author of what server code publishes in a name that it gives, or in nobody's.
 *
 * @throws {TypeError} A name that cannot be told: once stored it would end whoever is told of it.
 */
export function authorNamed(name: string | undefined): string {
  if (name !== undefined && !isText(name)) {
    throw new TypeError(
      "Cannot publish in this name: it must be a text without lone surrogates, or undefined",
    );
  }
  return subjectAuthor(name);
}

/** The author that a subject is, or nobody. */
export function subjectAuthor(subject: string | undefined): string {
  return subject === undefined ? NOBODY : `s${subject}`;
}

/** The subject of an author, if it is one. */
export function subjectOf(author: string | undefined): string | undefined {
  return author?.startsWith("s") ? author.slice(1) : undefined;
}
