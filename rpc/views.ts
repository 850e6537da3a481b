/**
 * What those who do not want everything share on one channel: each filter is asked once for a publication, and what passes it is written once.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Filter } from "./filter.ts";
import type { Policy } from "./policy.ts";
import { FilterView, type ViewedTopic } from "./filter_view.ts";
import type { Feed } from "./topic_member.ts";

/** The views of a topic. */
export class Views {
  readonly #topic: ViewedTopic;
  readonly #clock: Clock;
  /** Made with the first, since hardly a channel has any. */
  #byKey: Map<string, FilterView> | undefined;

  /** None yet. */
  constructor(topic: ViewedTopic, clock: Clock) {
    this.#topic = topic;
    this.#clock = clock;
  }

  /** Where a subscription takes what is live from, until it is removed there. */
  feed(filter: Filter | undefined, policy: Policy | undefined): Feed {
    if (filter === undefined && policy === undefined) return this.#topic;
    const key = `${policy?.key} ${filter?.key}`;
    const all = this.#byKey ??= new Map();
    let view = all.get(key);
    if (view === undefined) {
      const unused = () => void all.delete(key);
      const parts = { topic: this.#topic, clock: this.#clock, unused };
      all.set(key, view = new FilterView({ filter, policy }, parts));
    }
    view.use();
    return view;
  }

  /** Nobody is told anything any more. */
  end(): void {
    for (const view of this.#byKey?.values() ?? []) view.end();
  }
}
