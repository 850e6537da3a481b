/**
 * The members of channels, as one node reaches them over a network.
 *
 * @module
 */
import type { MaybePromise } from "../rpc/maybe_promise.ts";
import type { PresenceListener, PresenceStore } from "../rpc/presence_store.ts";

/** What it needs of the connection. */
export interface PresenceWay {
  /** Asks the broker something. */
  ask<T>(act: () => T): MaybePromise<T>;
  /** Runs something when a push has come; it may be lost, unless it is said that it was. */
  push(run: () => void, isSure?: boolean): void;
}

interface Pushes {
  readonly channel: string;
  readonly listener: PresenceListener;
  readonly there: PresenceListener;
  isOn: boolean;
}

/** Members behind a network. */
export class DistantPresence implements PresenceStore {
  readonly #store: PresenceStore;
  readonly #way: PresenceWay;
  readonly #pushes: Pushes[] = [];

  /** @param store It must answer at once. */
  constructor(store: PresenceStore, way: PresenceWay) {
    this.#store = store;
    this.#way = way;
  }

  /** As of a `PresenceStore`. */
  change(...args: Parameters<PresenceStore["change"]>): ReturnType<PresenceStore["change"]> {
    return this.#way.ask(() => this.#store.change(...args) as Awaited<ReturnType<PresenceStore["change"]>>);
  }

  /** As of a `PresenceStore`. */
  look(...args: Parameters<PresenceStore["look"]>): ReturnType<PresenceStore["look"]> {
    return this.#way.ask(() => this.#store.look(...args) as Awaited<ReturnType<PresenceStore["look"]>>);
  }

  /** As of a `PresenceStore`. */
  read(...args: Parameters<PresenceStore["read"]>): ReturnType<PresenceStore["read"]> {
    return this.#way.ask(() => this.#store.read(...args) as Awaited<ReturnType<PresenceStore["read"]>>);
  }

  /** As of a `PresenceStore`. */
  subscribe(channel: string, listener: PresenceListener): MaybePromise<void> {
    if (this.#pushes.some((one) => one.channel === channel && one.listener === listener)) {
      return this.#way.ask(() => {});
    }
    const tell = (run: () => void) =>
      this.#way.push(() => {
        if (pushes.isOn) run();
      });
    const pushes: Pushes = {
      channel,
      listener,
      there: {
        changed: (push) => tell(() => listener.changed(push)),
        uncertain: () => tell(() => listener.uncertain()),
      },
      isOn: true,
    };
    this.#pushes.push(pushes);
    return this.#way.ask(() => {
      if (pushes.isOn) this.#store.subscribe(channel, pushes.there);
    });
  }

  /** As of a `PresenceStore`. */
  unsubscribe(channel: string, listener: PresenceListener): void {
    const at = this.#pushes.findIndex((one) => one.channel === channel && one.listener === listener);
    if (at < 0) return;
    const [pushes] = this.#pushes.splice(at, 1);
    pushes!.isOn = false;
    this.#store.unsubscribe(channel, pushes!.there);
  }

  /** Listeners are told that they may have missed something. */
  tellUncertain(): void {
    for (const pushes of [...this.#pushes]) {
      this.#way.push(() => {
        if (pushes.isOn) pushes.listener.uncertain();
      }, true);
    }
  }

  /** Nothing is pushed any more. */
  close(): void {
    for (const { channel, listener } of [...this.#pushes]) this.unsubscribe(channel, listener);
  }
}
