/**
 * The turn of the event loop, shared by all connections of a clock: one reading of the time, and one end at which
 * everything that was written meanwhile leaves.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Company } from "./company.ts";

/** Something that sends at the end of a turn. */
export interface EndsWithTurn {
  /** Called once, at the end of the turn it was added in. */
  endTurn(): void;
}

/** Connections that end a turn together and are a crowd: the next turn ends as the clock has it for those. */
const CROWD = 64;

/** Longer lists are not kept. */
const MOST_KEPT = 4_096;
/** What a list that is kept holds on to. */
const NOBODY: EndsWithTurn = { endTurn() {} };

/** A turn, over and over: the present one. */
export class Turn {
  /** Time. */
  readonly clock: Clock;
  #due: EndsWithTurn[] = [];
  /** How many of that list are in this turn: V8 makes a new one wherever one was emptied, 150 bytes a turn. */
  #count = 0;
  /** The other of two lists that take turns, so that none is made. */
  #spare: EndsWithTurn[] = [];
  readonly #company = new Company();
  #now = 0;
  #armed = false;
  #isCrowded = false;

  /** Made by {@linkcode turnOf} alone. */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * The moment of this turn, read once where something happens at its end: for what may be late by as long as one turn takes.
   * Reading the clock at each frame took 6 % of the time of a small call.
   */
  now(): number {
    if (!this.#armed) return this.clock.now();
    if (this.#now === 0) this.#now = this.clock.now();
    return this.#now;
  }

  /** A frame of any connection came at `now`; says whether it came alone. {@linkcode Turn.readDone} follows. */
  cameAlone(now: number): boolean {
    if (!this.#armed) return this.#company.came(now);
    this.#company.joined();
    return false;
  }

  /** All that the frame led to was done. */
  readDone(): void {
    if (!this.#armed) this.#company.done(this.clock.now());
  }

  /** Has `one` called at the end of this turn. The caller sees to it that it is added once a turn. */
  add(one: EndsWithTurn): void {
    this.#due[this.#count++] = one;
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    if (this.#isCrowded && this.clock.immediateInCrowd !== undefined) {
      this.clock.immediateInCrowd(this.#end);
    } else this.clock.immediate(this.#end);
  }

  readonly #end = (): void => {
    const [due, count] = [this.#due, this.#count];
    this.#due = this.#spare;
    this.#spare = due;
    this.#count = 0;
    this.#armed = false;
    this.#now = 0;
    this.#isCrowded = count > CROWD;
    let done = 0;
    try {
      while (done < count) {
        const one = due[done]!;
        due[done++] = NOBODY;
        one.endTurn();
      }
    } finally {
      for (; done < count; done++) this.add(due[done]!); // where one throws, what is a fault of ours, the others end the next turn
      if (count > MOST_KEPT) due.length = 0;
    }
  };
}

const turns = new WeakMap<Clock, Turn>();

/** The turns of a clock: whoever shares the clock shares them. */
export function turnOf(clock: Clock): Turn {
  let turn = turns.get(clock);
  if (turn === undefined) turns.set(clock, turn = new Turn(clock));
  return turn;
}
