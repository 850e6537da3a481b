import { procedure } from "./procedure.ts";

/** A procedure as the form of the page offers it. */
export interface Entry {
  /** Its name on the wire. */
  name: string;
  /** How it is called. */
  shape: "value" | "stream" | "upload" | "duplex";
  /** What it does. */
  about: string;
  /** An input to begin with, as JSON; absent where it takes none. */
  input?: string;
  /** Items to begin with, one a line; JSON, or plain text where they are bytes. */
  items?: string;
}

/** What can be called. A client of Millrace holds no list: this one is an answer like any other. */
const entries: readonly Entry[] = [
  { name: "add", shape: "value", about: "Adds two numbers", input: '{ "a": 1, "b": 2 }' },
  {
    name: "echo",
    shape: "value",
    about: "Gives back any value",
    input:
      '{\n  "text": "Müller",\n  "bytes": { "$bytes": "00 ff 10" },\n  "date": { "$date": "2001-01-01T06:55:00Z" },\n' +
      '  "big": { "$bigint": "9007199254740993" },\n  "list": [null, true, -1, 2.5]\n}',
  },
  { name: "countdown", shape: "stream", about: "Counts down", input: "5" },
  {
    name: "shout",
    shape: "duplex",
    about: "Gives lines back in capitals",
    items: '"over one socket"\n"both ways"',
  },
  { name: "figures", shape: "stream", about: "The server's live figures", input: '{ "every": 500 }' },
  {
    name: "flights.departures",
    shape: "stream",
    about: "Replays departures",
    input: '{ "speed": 15, "airport": "SFO" }',
  },
  { name: "flights.airports", shape: "value", about: "Airports, busiest first" },
  { name: "flights.outline", shape: "value", about: "27 KB of coordinates as bytes" },
  {
    name: "files.receive",
    shape: "upload",
    about: "Counts and hashes bytes",
    input: '{ "name": "note.txt", "ticket": "form-upload" }',
    items: "first piece\nsecond piece",
  },
  {
    name: "gates.claim",
    shape: "value",
    about: "Claims a gate, or says who has it",
    input: '{ "gate": "B2", "flight": "AA 12" }',
  },
  { name: "slow", shape: "value", about: "Takes its time", input: '{ "seconds": 3 }' },
];

/** The list of what can be called. */
export const catalogue = procedure(() => entries);
