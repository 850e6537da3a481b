/**
 * How a client hears that its machine has slept, or that the network is another: sockets do not tell.
 *
 * @module
 */

/** What a client does about it. */
export interface WakeEvents {
  /** The machine or the page was asleep, as far as can be told: a connection that has been silent for too long is given up at once, any other is asked for a sign of life. */
  woke(): void;
  /** There is a network again: connections of the one before are dead, also those that are being made, and there is no reason to wait with the next attempt. */
  online(): void;
}

/** Tells a client of such events until the function that it returns is called. */
export type WakeSource = (events: WakeEvents) => () => void;

interface Events {
  addEventListener?(type: string, run: () => void): void;
  removeEventListener?(type: string, run: () => void): void;
}

interface Globals extends Events {
  readonly document?: Events & { readonly visibilityState?: string };
  readonly navigator?: { readonly onLine?: boolean };
}

/** Milliseconds between looks at the time of day. */
const LOOK = 5_000;

/**
 * The events of a page or worker; none where there are none: timers that fire late tell there. A lid that was closed over a page in sight tells it nothing, and
 * timers may stand still meanwhile; the time of day does not.
 */
export const pageEvents: WakeSource = ({ woke, online }) => {
  const { document, navigator } = globalThis as Globals;
  if (navigator?.onLine === undefined) return () => {};
  const shown = () => {
    if (document?.visibilityState !== "hidden") woke();
  };
  let looked = Date.now();
  const timer = setInterval(() => {
    const since = looked;
    looked = Date.now();
    if (looked - since > 2 * LOOK) shown(); // out of sight timers are late anyway
  }, LOOK);
  const listening: [Events | undefined, string, () => void][] = [
    [globalThis as Globals, "online", online],
    [globalThis as Globals, "pageshow", shown],
    [document, "visibilitychange", shown],
    [document, "resume", woke], // the page was frozen
  ];
  for (const [target, type, run] of listening) target?.addEventListener?.(type, run);
  return () => {
    clearInterval(timer);
    for (const [target, type, run] of listening) target?.removeEventListener?.(type, run);
  };
};
