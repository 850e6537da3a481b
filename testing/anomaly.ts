/**
 * What the checker finds.
 *
 * @module
 */

/** The rules, by the names that a failure prints. `presence` comes with what it is about. */
export const RULES = {
  agreement: "one position names one publication, for everybody",
  phantom: "what is received was published, and not refused",
  "append once": "a publication has one position, however often it was retried",
  "real-time order": "what is published after an acknowledgement comes after it",
  "producer order": "the publications of one producer come in its order",
  conflation: "what was replaced before it was sent never lands, and is told the place of a newer one",
  contiguity: "each subscription gets every offset once, in order, unless it is told otherwise",
  filter:
    "who asks for a part gets all that passes its filter, and nothing else, live, recovered and in pages",
  policy:
    "what a slow subscription lets the server leave out is told exactly, and the newest comes in the end",
  "lost acknowledgement": "what was acknowledged is received by all who come past it",
  "honest flag": "recovered means that nothing is missing; if something is, reset comes first, and only then",
  liveness: "after the last fault everything comes to its end, and every subscription to the top",
  authorisation: "who was shut out gets nothing after one second in which the server ran",
  "ends once": "a call ends, and once",
  "value ran once": "an answer comes from the one run of its call",
  "honest failure": "a call that failed without `ambiguous` did not run",
  "runs once": "nothing runs twice, unless it says that it may",
  "stream items": "items arrive in order, each once, none missing",
  "kept session": "a session is carried on as long as it is kept, and no other is",
  "key runs on": "a call with a key is not broken off because its session ends",
  "history page": "a page of the history has no hole, and says rightly whether there is more",
  "flow control": "SEEN tells what the program is done with, in time, and the server waits for it",
  "own position": "a subscription's position is not ahead of what its handler is done with",
  presence: "who watches sees who is there, what each told last, and nobody who is gone",
  wildcard:
    "a wildcard that is live gets all of each channel that its client may know of, and hears of no other",
  documents: "a message is what its changes made of it, for everybody, and what was deleted is gone",
  "nothing escapes": "no exception leaves the program's own handlers",
} as const;

/** The name of a rule. */
export type Rule = keyof typeof RULES;

/** A rule that was broken. */
export interface Anomaly {
  /** Which. */
  readonly rule: Rule;
  /** How, for people. */
  readonly what: string;
  /** The line of the log where it shows. */
  readonly line: number;
}
