// A client of one node that listens to channels which forget soon, and writes down what it was told of each.
import { CallError, type Client, connect, type Subscription } from "../../../client/mod.ts";
import { type Findings, inTime } from "../kit.ts";
import type { App } from "./app.ts";
import type { Node } from "./cluster.ts";

/** One client. */
export class Witness {
  readonly name: string;
  readonly client: Client<App>;
  /** How many resets it was told of. */
  resets = 0;
  /** How often it was told that what is published cannot be known now. */
  doubts = 0;
  readonly #heard = new Map<string, string[]>();
  readonly #subscriptions: Subscription<unknown>[] = [];

  private constructor(name: string, client: Client<App>) {
    this.name = name;
    this.client = client;
  }

  /** Connects to this node and no other, and listens. */
  static async open(
    name: string,
    { port }: Node,
    channels: readonly string[],
    findings: Findings,
  ): Promise<Witness> {
    const onError = (error: unknown) => {
      if (error instanceof CallError && error.code === "UNAVAILABLE") witness.doubts++;
      else findings.wrong(`onError of ${name}: ${error}`);
    };
    const client = connect<App>(`ws://127.0.0.1:${port}/rpc`, { token: name, onError });
    const witness: Witness = new Witness(name, client);
    await inTime(client.ready(), `connecting ${name}`, 30_000);
    await inTime(Promise.all(channels.map((id) => witness.#listen(id))), `subscribing ${name}`, 30_000);
    return witness;
  }

  /** The values of a channel that it was told, and between them `reset: ` or `gap: ` with the reason. */
  heard(id: string): readonly string[] {
    return this.#heard.get(id)!;
  }

  /** Whether any of its subscriptions says so. */
  get isLive(): boolean {
    return this.#subscriptions.some(({ state }) => state === "live");
  }

  #listen(id: string): Promise<void> {
    const heard: string[] = [];
    this.#heard.set(id, heard);
    const subscription = this.client.channel("brief/:id", { id }).subscribe((event) => {
      if (event.type === "reset") this.resets++;
      heard.push(event.type === "message" ? event.data.value : `${event.type}: ${event.reason}`);
    });
    this.#subscriptions.push(subscription);
    return subscription.ready();
  }
}
