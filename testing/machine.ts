/**
 * One computer of a simulation: its clock, which stops while it sleeps.
 *
 * @module
 */
import type { Clock } from "../rpc/clock.ts";
import type { VirtualClock } from "./clock.ts";
import type { Random } from "./random.ts";

interface Task {
  readonly run: () => void;
  /** When it is due, on the clock of the machine. */
  readonly due: number;
  /** The timer of the world. */
  timer: unknown;
  done: boolean;
}

/**
 * A computer: a laptop that can be closed, a server that can stand still, a tab that can be killed. Everything that happens on it goes
 * through its clock or through {@linkcode Machine.do}; while it sleeps, all that waits.
 */
export class Machine implements Clock {
  /** For people. */
  readonly name: string;
  readonly #world: VirtualClock;
  readonly #random: Random;
  readonly #tasks = new Set<Task>();
  readonly #backlog: (() => void)[] = [];
  #state: "awake" | "asleep" | "dead" = "awake";
  #sleptAt = 0;
  /** How far its clock is behind the world's. */
  #behind = 0;
  #draining = false;

  /** An awake machine. */
  constructor(name: string, world: VirtualClock, random: Random) {
    this.name = name;
    this.#world = world;
    this.#random = random;
  }

  /** Whether anything happens on it. */
  get isAwake(): boolean {
    return this.#state === "awake";
  }

  /** Whether nothing will ever happen on it again. */
  get isDead(): boolean {
    return this.#state === "dead";
  }

  /** As of a `Clock`. Before the machine was made, time has passed: the first moment is no 0. */
  now(): number {
    return 1_000 + this.#world.now() - this.#behind;
  }

  /** As of a `Clock`. */
  setTimeout(run: () => void, ms: number): unknown {
    const task: Task = { run, due: this.now() + Math.max(0, ms), timer: undefined, done: false };
    this.#tasks.add(task);
    this.#arm(task);
    return task;
  }

  /** As of a `Clock`. */
  clearTimeout(handle: unknown): void {
    const task = handle as Task | undefined;
    if (task === undefined || task.done) return;
    this.#finish(task);
    this.#world.clearTimeout(task.timer);
  }

  /** As of a `Clock`. */
  immediate(run: () => void): void {
    this.#world.immediate(() => this.do(run));
  }

  /** As of a `Clock`. */
  random(): number {
    return this.#random.next();
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#tasks.size;
  }

  /** Lets something happen on it: now, or in order once it is awake. On a dead machine nothing happens. */
  do(run: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "asleep" || this.#draining) this.#backlog.push(run);
    else run();
  }

  /** Closes the lid. */
  sleep(): void {
    if (this.#state !== "awake") return;
    this.#state = "asleep";
    this.#sleptAt = this.#world.now();
  }

  /**
   * Opens it. What came due meanwhile runs, each in a turn of its own.
   *
   * @param counted Whether its clock counted the time: some systems do, others stop it.
   */
  wake(counted = true): void {
    if (this.#state !== "asleep") return;
    this.#state = "awake";
    if (!counted) this.#behind += this.#world.now() - this.#sleptAt;
    if (!counted) { for (const task of this.#tasks) this.#arm(task); }
    if (this.#draining || this.#backlog.length === 0) return;
    this.#draining = true;
    this.#drainOne();
  }

  /** Pulls the plug: nothing runs here any more. */
  kill(): void {
    this.#state = "dead";
    this.#backlog.length = 0;
    for (const task of [...this.#tasks]) this.clearTimeout(task);
  }

  #arm(task: Task): void {
    this.#world.clearTimeout(task.timer);
    const ms = task.due - this.now();
    task.timer = this.#world.setTimeout(() => this.do(() => this.#fire(task)), ms);
  }

  #fire(task: Task): void {
    // Cleared while it waited in the backlog, or put off because the machine's clock stood still.
    if (task.done) return;
    if (task.due > this.now() + 1e-6) return;
    this.#finish(task);
    task.run();
  }

  #finish(task: Task): void {
    task.done = true;
    this.#tasks.delete(task);
  }

  #drainOne(): void {
    this.#world.setTimeout(() => {
      if (this.#state !== "awake") return void (this.#draining = false); // it fell asleep again: wake() goes on
      const next = this.#backlog.shift();
      if (this.#backlog.length === 0) this.#draining = false;
      else this.#drainOne();
      next?.();
    }, 0);
  }
}
