/**
 * Makes the calls of a scenario and writes down what comes of them.
 */
import type { Client } from "../../client/client.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Machine } from "../../testing/machine.ts";
import { readPattern, streamPattern } from "./pattern.ts";
import type { Recorder } from "../../testing/recorder.ts";
import { type Answer, type Item, pause, type ScenarioApp, type Work } from "./app.ts";

/** How a call looks. */
export type CallShape = "quick" | "slow" | "again" | "down" | "up" | "talk" | "pour" | "swallow" | "ask";

/** A call to make. */
export interface CallPlan extends Omit<Work, "work"> {
  /** Its shape. */
  readonly shape: CallShape;
  /** Its deadline, if it has one. */
  readonly timeout?: number | undefined;
  /** When it is given up, in ms after it was made. */
  readonly cancelAfter?: number | undefined;
  /** Whether it has a key; `twice`: two calls have it at once. */
  readonly key?: "alone" | "twice" | undefined;
}

/** How often a call with a key is made again when nobody knows what has become of it. */
const TRIES = 3;
/** Milliseconds until then. */
const RETRY_AFTER = 300;

/** What a caller needs. */
export interface CallerParts {
  /** The name of the client. */
  readonly name: string;
  /** The client. */
  readonly client: Client<ScenarioApp>;
  /** What it runs on. */
  readonly machine: Machine;
  /** Writes the log. */
  readonly recorder: Recorder;
}

/** Makes calls. */
export class ScenarioCaller {
  readonly #parts: CallerParts;
  #calls = 0;

  /** Has made none. */
  constructor(parts: CallerParts) {
    this.#parts = parts;
  }

  /** Makes a call. Its end is in the log. Of two with one key the second is made by another connection of the same user, if there is one. */
  make(plan: CallPlan, other: ScenarioCaller = this): void {
    const work = `${this.#parts.name}#${++this.#calls}`;
    this.#try(plan, work, 1);
    if (plan.key === "twice") other.#try(plan, work, TRIES + 1);
  }

  /** One call for some work: those with a key may be several. */
  #try(plan: CallPlan, work: string, number: number): void {
    const { name, machine, recorder } = this.#parts;
    const call = number === 1 ? work : `${work}/${number}`;
    const { ms, count, size, gap, fails, shape } = plan;
    const isValue = count === 0 && size > 0;
    const key = plan.key === undefined ? undefined : work;
    const repeatable = shape === "again" ? true : undefined;
    const mayGiveUp = plan.timeout !== undefined || plan.cancelAfter !== undefined ? true : undefined;
    recorder.add({ is: "call", client: name, call, work, method: shape, key, repeatable, mayGiveUp });
    const options = { signal: this.#cancelling(machine, plan.cancelAfter), timeout: plan.timeout, key };
    this.#run(shape, {
      ...{ work, ms, count, size, gap, fails },
      ...(isValue ? { fill: new Uint8Array(size) } : {}),
    }, options).then(
      (execution) => recorder.add({ is: "end", call, answered: true, execution }),
      (error) => {
        this.#failed(call, error);
        const isOpen = error instanceof CallError && (error.ambiguous || error.retryable);
        if (key === undefined || !isOpen || number >= TRIES) return;
        machine.setTimeout(() => this.#try(plan, work, number + 1), RETRY_AFTER);
      },
    );
  }

  #cancelling(machine: Machine, ms: number | undefined): AbortSignal | undefined {
    if (ms === undefined) return undefined;
    const cancel = new AbortController();
    machine.setTimeout(() => cancel.abort(), ms);
    return cancel.signal;
  }

  #failed(call: string, error: unknown): void {
    const { recorder } = this.#parts;
    if (!(error instanceof CallError)) return recorder.add({ is: "escaped", error: `${call}: ${error}` });
    const { code, ambiguous, declared, data } = error;
    const execution = declared ? (data as Answer).execution : undefined;
    // What the handler gave was larger than the client takes: that is an answer too.
    const answered = declared || code === "TOO_LARGE";
    recorder.add({ is: "end", call, answered, code, ambiguous, execution });
  }

  async #run(
    shape: CallShape,
    work: Work,
    options: {
      readonly signal: AbortSignal | undefined;
      readonly timeout: number | undefined;
      readonly key: string | undefined;
    },
  ): Promise<number | undefined> {
    const { call } = this.#parts.client;
    switch (shape) {
      case "quick":
      case "slow":
      case "again":
      case "ask":
        return (await call[shape](work, options)).execution;
      case "down":
        return await this.#read(work.work, call.down(work, options));
      case "up":
        return (await call.up(work, this.#items(work), options)).execution;
      case "talk":
        return await this.#read(work.work, call.talk(work, this.#items(work), options));
      case "pour": {
        const { recorder } = this.#parts;
        const stream = await call.pour(work, options);
        if (stream instanceof Uint8Array) throw new CallError("WRONG_SHAPE");
        const item = (n: number): void => recorder.add({ is: "item", call: work.work, way: "down", n });
        await readPattern(stream, work.size, item);
        recorder.add({ is: "streamed", call: work.work, way: "down" });
        return undefined;
      }
      case "swallow": {
        const { recorder } = this.#parts;
        const sent = (): void => recorder.add({ is: "sent", call: work.work, way: "up", count: work.count });
        return (await call.swallow({ ...work, content: streamPattern(work, sent) }, options)).execution;
      }
    }
  }

  async *#items({ work, count, size, gap }: Work): AsyncGenerator<Item> {
    const { machine, recorder } = this.#parts;
    for (let n = 0; n < count; n++) {
      await pause(machine, gap);
      yield { n, execution: 0, fill: new Uint8Array(size) };
    }
    recorder.add({ is: "sent", call: work, way: "up", count });
  }

  async #read(call: string, items: AsyncIterable<Item>): Promise<number | undefined> {
    const { machine, recorder } = this.#parts;
    let last: number | undefined;
    for await (const { n, execution } of items) {
      recorder.add({ is: "item", call, way: "down", n });
      last = execution;
      if (n % 7 === 6) await pause(machine, 5);
    }
    recorder.add({ is: "streamed", call, way: "down" });
    return last;
  }
}
