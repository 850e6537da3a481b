/**
 * Which members of a channel have changed: since all were told last, and as far back as those who come again may ask.
 *
 * @module
 */

/** Changes that are remembered. */
const MOST = 1_024;

/** The latest changes of one channel. */
export class PresenceChanges {
  /** Whom the changes after `#start` were about. */
  #log: string[] = [];
  #start = 0;
  /** Those of whom is to be told. */
  #fresh = new Set<string>();

  /** Whether there is anything to tell. */
  get isAny(): boolean {
    return this.#fresh.size > 0;
  }

  /** Something has happened to a member: its version is that of the one before plus 1. */
  add(id: string, version: number): void {
    if (this.#log.length === 0) this.#start = version - 1;
    this.#log.push(id);
    if (this.#log.length > 2 * MOST) {
      this.#log = this.#log.slice(MOST);
      this.#start += MOST;
    }
    this.#fresh.add(id);
  }

  /** What is known begins at this version. */
  restart(version: number): void {
    this.#log = [];
    this.#start = version;
    this.#fresh.clear();
  }

  /** Those of whom is to be told, once. Who came and left meanwhile is among them. */
  take(): string[] {
    const ids = [...this.#fresh];
    this.#fresh.clear();
    return ids;
  }

  /** To whom anything has happened after `version`; `undefined` where that is not known, or as much as the whole. */
  since(version: number, now: number): Set<string> | undefined {
    if (version < this.#start || version > now || now - version > MOST) return undefined;
    return new Set(this.#log.slice(version - this.#start));
  }
}
