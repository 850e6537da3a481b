/**
 * Time and chance as a parameter: the core touches no global, so that tests and the simulator own both.
 *
 * @module
 */

/** A timer that is an object of its owner's: ten thousand idle connections have one each, and nothing is made to set it. */
export interface Alarm {
  /** When it rings, on the clock that it is set on. */
  readonly at: number;
  /** Those of one moment ring in the order in which they were set. Of the clock. */
  order: number;
  /** Its place among those that are set; -1 when it is not. Of the clock. */
  place: number;
  /** It is time. */
  ring(): void;
}

/** Time and chance for the protocol core. */
export interface Clock {
  /** Milliseconds that never go back; only differences have a meaning. */
  now(): number;
  /** Milliseconds since 1970, where that is known: it counts the time for which a machine slept, too, which {@linkcode Clock.now} does not everywhere. */
  date?(): number;
  /** Runs `run` once, `ms` from now at the earliest. The result is for {@linkcode Clock.clearTimeout}. */
  setTimeout(run: () => void, ms: number): unknown;
  /** Forgets a timer. A timer that has run, or `undefined`, is ignored. */
  clearTimeout(handle: unknown): void;
  /** Runs `run` once, when the present turn is over: where messages that belong together are sent. */
  immediate(run: () => void): void;
  /** In place of {@linkcode Clock.immediate} where many connections have something to send, if the runtime has a better way then. */
  immediateInCrowd?(run: () => void): void;
  /** A number from 0 up to 1, 1 excluded. Not for secrets. */
  random(): number;
}

/** A clock that takes alarms as they are. */
export interface AlarmClock extends Clock {
  /** Has `alarm` ring once: it is not set. */
  setAlarm(alarm: Alarm): Alarm;
}

/** Has `alarm` ring once. The result is for {@linkcode Clock.clearTimeout}. */
export function setAlarm(clock: Clock | AlarmClock, alarm: Alarm): unknown {
  if ("setAlarm" in clock) return clock.setAlarm(alarm);
  return clock.setTimeout(() => alarm.ring(), Math.max(0, alarm.at - clock.now()));
}

/**
 * The clock of the runtime.
 *
 * @param immediate How to run something at the end of the turn. Servers pass `setImmediate`; the default, a
 * microtask, is what browsers have without a delay of 4 ms.
 * @param immediateInCrowd The same in a crowd, where that is to be another way.
 * @returns A clock on `performance.now()` and the runtime's timers.
 */
export function systemClock(
  immediate: (run: () => void) => void = (run) => queueMicrotask(run),
  immediateInCrowd?: (run: () => void) => void,
): Clock {
  return {
    now: () => performance.now(),
    date: () => Date.now(),
    setTimeout: (run, ms) => setTimeout(run, Math.min(ms, 2 ** 31 - 1)),
    clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
    immediate,
    ...(immediateInCrowd && { immediateInCrowd }),
    random: () => Math.random(),
  };
}
