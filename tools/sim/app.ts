/**
 * The app that the simulation drives: procedures of every shape that write down what happens to them.
 */
import { BrokerError } from "../../rpc/broker.ts";
import { bytes } from "../../rpc/bytes.ts";
import type { Clock } from "../../rpc/clock.ts";
import type { HasContract } from "../../rpc/contract.ts";
import { type Declared, type Define, defineWith } from "../../rpc/define.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Limits } from "../../rpc/limits.ts";
import { Node, type NodeOptions, type NodeSurroundings } from "../../rpc/node.ts";
import type { Schema } from "../../rpc/schema.ts";
import type { Traits } from "./traits.ts";
import { readPattern, streamPattern } from "./pattern.ts";
import type { Random } from "../../testing/random.ts";
import type { Recorder } from "../../testing/recorder.ts";

/** What a call asks for. */
export interface Work {
  /** Its name, for the log. */
  readonly work: string;
  /** Milliseconds before it answers. */
  readonly ms: number;
  /** Items, or chunks. */
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
  /** Milliseconds between them. */
  readonly gap: number;
  /** Whether the handler throws an error that it declares. */
  readonly fails: boolean;
  /** Weight of a call that is no stream: it is answered with as much. */
  readonly fill?: Uint8Array;
}

/** An item of a stream. */
export interface Item {
  /** 0, 1, 2… */
  readonly n: number;
  /** The run of the handler that it comes from. */
  readonly execution: number;
  /** Weight. */
  readonly fill: Uint8Array;
}

/** An answer. */
export interface Answer {
  /** The run of the handler. */
  readonly execution: number;
  /** Weight. */
  readonly fill?: Uint8Array | undefined;
}

function trusted<T>(): Schema<T> {
  return { "~standard": { version: 1, vendor: "millrace", validate: (value) => ({ value: value as T }) } };
}

/** Gives the parts of an app instead of an app on sockets. */
const define = defineWith((declared, options) => ({ declared, options }) as never) as Define;
const offered = define();
const { procedure, channel, millrace } = define().with({
  client: { confirm: offered.procedure.type({ input: trusted<Work>(), output: trusted<Answer>() }) },
});
const errors = { REFUSED: trusted<Answer>() };

/** Waits on a clock. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => void clock.setTimeout(resolve, ms));
}

/** What is published. */
export interface Message {
  /** Different for each publication. */
  readonly value: string;
  /** What filters look at. */
  readonly tag: string;
  /** Weight. */
  readonly fill: Uint8Array;
}

/** What is signalled. */
export interface Signal {
  /** Different for each signal. */
  readonly value: string;
}

/** What handlers need. */
interface Tools {
  /** Whether a client may be on a channel. */
  readonly mayJoin: (client: string, channel: string) => boolean;
  /** Whether the faults are over. */
  readonly isCalm: () => boolean;
  /** Messages that rooms keep. */
  readonly retention: number;
  /** What sets the run apart. */
  readonly traits: Traits;
  /** Chance, for how long rules take. */
  readonly random: Random;
  /** The date of the server. */
  readonly date: () => number;
  /** The machine of the server. */
  readonly clock: () => Clock;
  readonly recorder: Pick<Recorder, "add">;
}

/** Writes down what handlers do. */
class Journal {
  readonly clock: () => Clock;
  readonly #recorder: Pick<Recorder, "add">;
  #executions = 0;

  constructor({ clock, recorder }: Tools) {
    this.clock = clock;
    this.#recorder = recorder;
  }

  begin(work: string): number {
    const execution = ++this.#executions;
    this.#recorder.add({ is: "run", work, execution });
    return execution;
  }

  arrived(call: string, n: number): void {
    this.#recorder.add({ is: "item", call, way: "up", n });
  }

  allArrived(call: string): void {
    this.#recorder.add({ is: "streamed", call, way: "up" });
  }

  allSent(call: string, count: number): void {
    this.#recorder.add({ is: "sent", call, way: "down", count });
  }
}

/** What was given may be a view of a frame: it is answered with as much. */
function answer(execution: number, fill: Uint8Array | undefined): Answer {
  return fill === undefined ? { execution } : { execution, fill: new Uint8Array(fill.length) };
}

function values({ recorder }: Tools, journal: Journal) {
  return {
    quick: procedure({ input: trusted<Work>(), errors }, ({ work, fails, fill }, { errors }): Answer => {
      const execution = journal.begin(work);
      if (fails) throw errors.REFUSED({ execution });
      return answer(execution, fill);
    }),
    slow: procedure(
      { input: trusted<Work>(), errors },
      async ({ work, ms, fails, fill }, { errors, signal }): Promise<Answer> => {
        const execution = journal.begin(work);
        await pause(journal.clock(), ms);
        if (signal.aborted) recorder.add({ is: "broken off", work, execution });
        if (fails) throw errors.REFUSED({ execution });
        return answer(execution, fill);
      },
    ),
    again: procedure(
      { input: trusted<Work>(), idempotent: true },
      async ({ work, ms, fill }): Promise<Answer> => {
        const execution = journal.begin(work);
        await pause(journal.clock(), ms);
        return answer(execution, fill);
      },
    ),
    ask: procedure({ input: trusted<Work>() }, async (input, { client }): Promise<Answer> => {
      const execution = journal.begin(input.work);
      const call = `${input.work}?`;
      recorder.add({ is: "call", client: "server", call, work: call, method: "confirm" });
      const answer = await client.confirm({ ...input, work: call }).result();
      if (answer.ok) recorder.add({ is: "end", call, answered: true, execution: answer.value.execution });
      else {
        const { code, ambiguous } = answer.error;
        recorder.add({ is: "end", call, answered: false, code, ambiguous });
      }
      return { execution };
    }),
  };
}

function streams(journal: Journal) {
  return {
    down: procedure.stream({ input: trusted<Work>() }, async function* ({ work, count, size, gap }) {
      const execution = journal.begin(work);
      for (let n = 0; n < count; n++) {
        await pause(journal.clock(), gap);
        yield { n, execution, fill: new Uint8Array(size) } satisfies Item;
      }
      journal.allSent(work, count);
    }),
    up: procedure.upload({ input: trusted<Work>(), items: trusted<Item>() }, async ({ work, gap }, items) => {
      const execution = journal.begin(work);
      for await (const { n } of items) {
        journal.arrived(work, n);
        await pause(journal.clock(), gap);
      }
      journal.allArrived(work);
      return { execution } satisfies Answer;
    }),
    talk: procedure.duplex(
      { input: trusted<Work>(), items: trusted<Item>() },
      async function* ({ work }, items) {
        const execution = journal.begin(work);
        let count = 0;
        for await (const { n, fill } of items) {
          journal.arrived(work, n);
          yield { n: count++, execution, fill } satisfies Item;
        }
        journal.allArrived(work);
        journal.allSent(work, count);
      },
    ),
    pour: procedure({ input: trusted<Work>(), output: bytes() }, (input) => {
      journal.begin(input.work);
      return streamPattern(input, () => journal.allSent(input.work, input.count));
    }),
    swallow: procedure(
      { input: trusted<Work & { readonly content: ReadableStream<Uint8Array> }>() },
      async ({ work, size, content }): Promise<Answer> => {
        const execution = journal.begin(work);
        await readPattern(content, size, (n) => journal.arrived(work, n));
        journal.allArrived(work);
        return { execution };
      },
    ),
  };
}

/** Messages that halls keep. */
export const HALL = 1_000;

/** Members of a desk up to which all of them are told. */
export const DESK_MEMBERS = 2;

/** What can be said of messages of a wall, and how it is counted. */
export const REACTIONS = { like: "total", mood: "distinct", vote: "unique", emoji: "multiple" } as const;

/** Whether a client may delete what others have published: the first one, in any of its lives. */
export function isModerator(client: string): boolean {
  return client.split(".")[0] === "c0";
}

const RULE_FAILED = "A rule has failed";

function channels({ mayJoin, isCalm, retention, traits, random, clock }: Tools) {
  const { rules, seconds, failing } = traits;
  const take = <T>(answer: () => T): T | Promise<T> =>
    rules === 0 ? answer() : pause(clock(), random.next() * rules).then(answer);
  const ask = (answer: () => boolean): boolean | Promise<boolean> =>
    take(() => {
      if (failing === 0 || isCalm() || !random.chance(failing)) return answer();
      throw random.chance(0.5) ? new CallError("UNAVAILABLE", RULE_FAILED) : new Error(RULE_FAILED);
    });
  const make = (messages: number) =>
    channel({
      message: trusted<Message>(),
      signal: trusted<Signal>(),
      history: { messages, seconds },
      allow: {
        subscribe: ({ connection, channel }) => ask(() => mayJoin(connection.address, channel)),
        ...(rules === 0 && failing === 0 ? {} : { publish: () => ask(() => true) }),
      },
      ...(rules === 0 ? {} : { publish: (message: Message) => take(() => message) }),
    });
  const wall = channel({
    message: trusted<string>(),
    changes: true,
    reactions: REACTIONS,
    history: { messages: 1_000, seconds: 3_600 },
    allow: { delete: ({ connection, message }) => message.isOwn || isModerator(connection.address) },
  });
  const desk = channel({
    presence: { data: trusted<{ value: string }>(), members: DESK_MEMBERS },
    ...(rules === 0 && failing === 0
      ? {}
      : { allow: { presence: () => ask(() => true), members: () => ask(() => true) } }),
  });
  return {
    "wall/:id": wall,
    "room/:id": make(retention),
    "hall/:id": make(HALL),
    "nook/:id": make(HALL),
    "desk/:id": desk,
  };
}

/** Who has a token is who it says, for a while; who has none is nobody. */
function authentication({ traits: { tokens, rules }, clock, date, random }: Tools) {
  if (tokens === undefined) return {};
  return {
    authenticate: async ({ token }: { readonly token: string | undefined }) => {
      await pause(clock(), random.next() * rules);
      return token === undefined ? {} : { subject: token, expires: date() + tokens };
    },
  };
}

function makeApp(tools: Tools, limits: Partial<Limits>) {
  const journal = new Journal(tools);
  return millrace({
    limits,
    ...authentication(tools),
    channels: channels(tools),
    onError: (error) => {
      if (!isExpected(error)) tools.recorder.add({ is: "escaped", error: `handler: ${error}` });
    },
    procedures: { ...values(tools, journal), ...streams(journal) },
  });
}

/** Streams of handlers end when connections do, brokers refuse, rules fail, fail-overs are told of: anything else that the program is told is a bug. */
function isExpected(error: unknown): boolean {
  if (error instanceof CallError) return error.cause === undefined || isExpected(error.cause);
  if (error instanceof BrokerError) return true;
  return error instanceof Error &&
    (error.message === RULE_FAILED || error.message.startsWith("The stream has "));
}

/** The app, for its types. */
export type ScenarioApp = ReturnType<typeof makeApp> & HasContract;

/** What a node of the app needs. */
export interface ScenarioNodeOptions extends Omit<Tools, "clock" | "date"> {
  /** Bounds other than the defaults. */
  readonly limits: Partial<Limits>;
}

/** Makes a server node of the app. */
export function makeScenarioNode(
  surroundings: NodeSurroundings,
  { limits, ...tools }: ScenarioNodeOptions,
): Node {
  const app = makeApp({ clock: () => surroundings.clock, date: surroundings.date, ...tools }, limits);
  const { declared, options } = app as unknown as { declared: Declared; options: NodeOptions };
  return new Node(declared, options, surroundings);
}
