/**
 * A client whose code of streams, large messages and offers comes when the test says so, or not at all.
 */
import * as channels from "../../client/channels.ts";
import { connectWith } from "../../client/client.ts";
import type { ConnectOptions, HasContract } from "../../client/mod.ts";
import * as offers from "../../client/offers.ts";
import { BULK_CODE } from "../../rpc/bulk_code.ts";
import { FakeClient } from "./fake_client.ts";

const CALL = 16;

/** Code that comes when the test says so. */
class Shop<Code> {
  asked = 0;
  readonly #code: Code;
  #open: PromiseWithResolvers<Code>[] = [];

  constructor(code: Code) {
    this.#code = code;
  }

  readonly source = (): Promise<Code> => {
    this.asked++;
    const one = Promise.withResolvers<Code>();
    this.#open.push(one);
    return one.promise;
  };

  sell(): void {
    for (const { resolve } of this.#open.splice(0)) resolve(this.#code);
  }

  refuse(): boolean {
    const all = this.#open.splice(0);
    for (const { reject } of all) reject(new TypeError("Failed to fetch"));
    return all.length > 0;
  }
}

/** The client, and its code. */
export class LateClient extends FakeClient {
  readonly bulk: Shop<typeof BULK_CODE>;
  readonly offers: Shop<typeof offers>;

  constructor(options: ConnectOptions<HasContract> = {}) {
    const [bulk, offered] = [new Shop(BULK_CODE), new Shop(offers)];
    const sources = { channels, bulk: bulk.source, offers: offered.source };
    super(options, undefined, (url, options) => connectWith(sources, url, options));
    this.bulk = bulk;
    this.offers = offered;
  }

  static override async connected(options: ConnectOptions<HasContract> = {}): Promise<LateClient> {
    const fake = new LateClient(options);
    await fake.clock.settle();
    fake.accept();
    await fake.clock.settle();
    return fake;
  }

  accept(options: object = {}): void {
    this.socket.accept({ heartbeat: 600_000, ...options }); // nobody gives up a silent server meanwhile
  }

  async server(...messages: unknown[][]): Promise<void> {
    this.socket.receive(...messages as never[]);
    await this.clock.settle();
  }

  async arrive(): Promise<void> {
    this.bulk.sell();
    this.offers.sell();
    await this.clock.settle();
  }

  async failForGood(): Promise<void> {
    while (this.bulk.refuse() || this.offers.refuse()) {
      await this.clock.settle();
      await this.clock.advance(16_000);
    }
  }

  /** Until the first time that it is told. */
  async failForGoodOnce(part: { refuse(): boolean } = this.offers): Promise<void> {
    while (this.errors.length === 0 && part.refuse()) {
      await this.clock.settle();
      if (this.errors.length === 0) await this.clock.advance(16_000);
    }
  }

  /** Id and name of each call that was sent since. */
  called(): unknown[] {
    return this.socket.take(CALL).map(([, , id, method]) => [id, method]);
  }
}

/** How a promise has ended so far. */
export function watch(promise: PromiseLike<unknown>): { end: unknown } {
  const watched: { end: unknown } = { end: "waits" };
  promise.then((value) => watched.end = value, (error) => watched.end = error);
  return watched;
}
