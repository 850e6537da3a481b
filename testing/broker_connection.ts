/**
 * How one node reaches a broker over a network: answers and pushes take time, in order each; pushes are lost; for a while nothing is answered.
 *
 * @module
 */
import {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerListener,
  type Claim,
  type Ledger,
  type Page,
  type Query,
} from "../rpc/broker.ts";
import type { Directory, DirectoryWatcher } from "../rpc/directory.ts";
import type { MaybePromise } from "../rpc/maybe_promise.ts";
import type { FaultyBroker } from "./broker.ts";
import { DistantPresence } from "./broker_presence.ts";
import type { VirtualClock } from "./clock.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";

/** How far away a broker is. */
export interface BrokerDelays {
  /** Milliseconds that a question and its answer take, each way, at most; 0 answers at once, as the broker in memory does. */
  readonly answer: number;
  /** Milliseconds that a push takes, at most. */
  readonly push: number;
}

/** What a connection needs. */
export interface BrokerConnectionOptions {
  /** Time. */
  readonly clock: VirtualClock;
  /** Chance. */
  readonly random: Random;
  /** The machine of the node. */
  readonly machine: Machine;
  /** How far away it is. */
  readonly delays: BrokerDelays;
  /** Writes the log. */
  readonly recorder: Pick<Recorder, "add">;
}

/** Things that happen one after the other, each after some time. */
class Line {
  readonly #options: BrokerConnectionOptions;
  readonly #most: number;
  #last = 0;
  #waiting: (() => void)[] = [];

  constructor(options: BrokerConnectionOptions, most: number) {
    this.#options = options;
    this.#most = most;
  }

  /** Runs it when it is its turn, or, without any delay, at once. */
  add(run: () => void): void {
    const { clock, random } = this.#options;
    if (this.#most === 0 && this.#waiting.length === 0) return run();
    const at = this.#last = Math.max(this.#last, clock.now() + random.next() * this.#most);
    this.#waiting.push(run);
    clock.setTimeout(() => this.#waiting.shift()!(), at - clock.now());
  }
}

/** What is pushed to somebody, as long as it is. */
interface PushedTo {
  isOn: boolean;
}

/** The names that are told to one watcher. */
interface Watching extends PushedTo {
  readonly pattern: string;
  readonly watcher: DirectoryWatcher;
  /** What watches at the broker. */
  readonly there: DirectoryWatcher;
}

/** The pushes to one listener. */
interface Pushes extends PushedTo {
  readonly channel: string;
  readonly listener: BrokerListener;
  /** What listens at the broker. */
  readonly there: BrokerListener;
}

/** How often a push is lost while pushes are. */
const LOST = 0.5;
/** How often something that was refused was done all the same. */
const DONE = 0.5;

/** One node's connection to a broker. */
export class BrokerConnection implements Broker {
  /** Replies of calls. */
  readonly ledger: Ledger;
  /** Members of channels. */
  readonly presence: DistantPresence;
  /** Names of channels. */
  readonly directory: Directory;
  readonly #broker: FaultyBroker;
  readonly #options: BrokerConnectionOptions;
  readonly #questions: Line;
  readonly #answers: Line;
  readonly #push: Line;
  readonly #pushes: Pushes[] = [];
  readonly #watching: Watching[] = [];
  #closed = false;
  #refusedUntil = 0;
  #lossyUntil = 0;

  /** Connects. */
  constructor(broker: FaultyBroker, options: BrokerConnectionOptions) {
    this.#broker = broker;
    this.#options = options;
    this.#questions = new Line(options, options.delays.answer);
    this.#answers = new Line(options, options.delays.answer);
    this.#push = new Line(options, options.delays.push);
    this.presence = new DistantPresence(broker.presence, {
      ask: (act) => this.#ask(act),
      push: (run, isSure) => this.#pushTo({ isOn: true }, run, isSure),
    });
    const { ledger } = broker;
    this.ledger = {
      claim: (key, hash, ms, owner) =>
        this.#ask<Claim>(() => ledger.claim(key, hash, ms, owner) as Claim, true),
      renew: (key, ms) => this.#ask(() => ledger.renew(key, ms) as undefined, true),
      settle: (key, reply) => this.#ask(() => ledger.settle(key, reply) as undefined, true),
      forget: (key) => this.#ask(() => ledger.forget(key) as undefined, true),
    };
    const { directory } = broker;
    this.directory = {
      list: (pattern) => {
        const list = directory.list(pattern);
        return { next: () => this.#ask(() => list.next() as readonly string[] | undefined) };
      },
      known: (pattern, names) => this.#ask(() => directory.known(pattern, names)),
      watch: (pattern, watcher) => this.#watch(pattern, watcher),
      unwatch: (pattern, watcher) => this.#unwatch(pattern, watcher),
    };
  }

  /** As of a `Broker`. */
  append(channel: string, append: Append): MaybePromise<Appended> {
    return this.#ask(() => this.#broker.append(channel, append));
  }

  /** As of a `Broker`. */
  read(channel: string, query: Query): MaybePromise<Page> {
    return this.#ask(() => this.#broker.read(channel, query));
  }

  /** As of a `Broker`. */
  signal(channel: string, data: Uint8Array, from: string | undefined): MaybePromise<void> {
    return this.#ask(() => this.#broker.signal(channel, data, from));
  }

  /** As of a `Broker`. */
  subscribe(channel: string, listener: BrokerListener): MaybePromise<void> {
    const listens = this.#pushes.some((one) => one.channel === channel && one.listener === listener);
    if (listens) return this.#ask(() => {});
    const pushes: Pushes = {
      channel,
      listener,
      there: {
        entry: (epoch, entry) => this.#pushTo(pushes, () => listener.entry(epoch, entry)),
        signal: (data, from) => this.#pushTo(pushes, () => listener.signal(data, from)),
        uncertain: () => this.#pushTo(pushes, () => listener.uncertain()),
      },
      isOn: true,
    };
    this.#pushes.push(pushes);
    return this.#ask(() => {
      if (pushes.isOn) this.#broker.subscribe(channel, pushes.there);
    });
  }

  /** As of a `Broker`. */
  unsubscribe(channel: string, listener: BrokerListener): void {
    const at = this.#pushes.findIndex((one) => one.channel === channel && one.listener === listener);
    if (at < 0) return;
    const [pushes] = this.#pushes.splice(at, 1);
    pushes!.isOn = false;
    this.#broker.unsubscribe(channel, pushes!.there);
  }

  /** As of a `Broker`. */
  close(): void {
    this.#closed = true;
    for (const { channel, listener } of [...this.#pushes]) this.unsubscribe(channel, listener);
    this.presence.close();
    for (const { pattern, watcher } of [...this.#watching]) this.#unwatch(pattern, watcher);
  }

  // What goes wrong.

  /** Whatever is asked for is refused for so long, done or not. */
  refuse(ms: number): void {
    this.#refusedUntil = Math.max(this.#refusedUntil, this.#options.clock.now() + ms);
  }

  /** Some pushes are lost for so long; then listeners are told that this may have been so. */
  losePushes(ms: number): void {
    const { clock } = this.#options;
    this.#lossyUntil = Math.max(this.#lossyUntil, clock.now() + ms);
    clock.setTimeout(() => this.tellUncertain(), ms);
  }

  /** Listeners are told that they may have missed something. */
  tellUncertain(): void {
    for (const pushes of [...this.#pushes]) this.#later(pushes, () => pushes.listener.uncertain());
    this.presence.tellUncertain();
    for (const watching of [...this.#watching]) this.#later(watching, () => watching.watcher.uncertain());
    const { machine, recorder, clock } = this.#options;
    const since = clock.now();
    this.#push.add(() => machine.do(() => recorder.add({ is: "told", since })));
  }

  #ask<T>(act: () => T, always = false): MaybePromise<T> {
    if (this.#closed) throw new BrokerError("UNAVAILABLE", "The broker is closed: nothing was done");
    const { machine, delays } = this.#options;
    if (delays.answer === 0 && (always || !this.#isRefused)) return act();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#questions.add(() => {
      const answer = this.#act(act, always);
      this.#answers.add(() => machine.do(() => answer(resolve, reject)));
    });
    return promise;
  }

  /** Does it, or not, and gives what answers. */
  #act<T>(
    act: () => T,
    always: boolean,
  ): (resolve: (value: T) => void, reject: (error: unknown) => void) => void {
    const isRefused = !always && this.#isRefused;
    const refuse = (_: unknown, reject: (error: unknown) => void): void =>
      reject(new BrokerError("UNAVAILABLE", "The broker does not answer"));
    if (isRefused && !this.#options.random.chance(DONE)) return refuse;
    try {
      const value = act();
      return isRefused ? refuse : (resolve) => resolve(value);
    } catch (thrown) {
      return (_resolve, reject) => reject(thrown);
    }
  }

  get #isRefused(): boolean {
    return this.#options.clock.now() < this.#refusedUntil;
  }

  #watch(pattern: string, watcher: DirectoryWatcher): MaybePromise<void> {
    let watching = this.#watching.find((one) => one.pattern === pattern && one.watcher === watcher);
    if (watching === undefined) {
      const pushed: Watching = watching = {
        pattern,
        watcher,
        there: {
          appeared: (name) => this.#pushTo(pushed, () => watcher.appeared(name)),
          uncertain: () => this.#pushTo(pushed, () => watcher.uncertain()),
        },
        isOn: true,
      };
      this.#watching.push(pushed);
    }
    const { there } = watching;
    return this.#ask(() => {
      if (watching.isOn) this.#broker.directory.watch(pattern, there);
    });
  }

  #unwatch(pattern: string, watcher: DirectoryWatcher): void {
    const at = this.#watching.findIndex((one) => one.pattern === pattern && one.watcher === watcher);
    if (at < 0) return;
    const [watching] = this.#watching.splice(at, 1);
    watching!.isOn = false;
    this.#broker.directory.unwatch(pattern, watching!.there);
  }

  #pushTo(pushes: PushedTo, run: () => void, isSure = false): void {
    const { clock, random } = this.#options;
    if (!isSure && clock.now() < this.#lossyUntil && random.chance(LOST)) return;
    this.#later(pushes, run);
  }

  #later(pushes: PushedTo, run: () => void): void {
    this.#push.add(() =>
      this.#options.machine.do(() => {
        if (pushes.isOn) run();
      })
    );
  }
}
