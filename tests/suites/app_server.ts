/**
 * An app on a port, its clients, and an end that leaves nothing open.
 */
import { type Client, connect, type ConnectOptions, type HasContract } from "../../client/mod.ts";
import type { ShutdownOptions, ShutdownReport, Stats } from "../../mod.ts";
import { until } from "./check.ts";
import { serve, type Served, type ServedApp } from "./serve.ts";
import { Wire, type WireOptions } from "./wire.ts";

/** What can be started: what `millrace()` gives. */
export type Startable = ServedApp & HasContract & {
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
};

/** What `stats()` tells where nothing is left. */
export const NOTHING_LEFT: Stats = {
  connections: 0,
  calls: 0,
  streams: 0,
  channels: 0,
  subscriptions: 0,
  heldBytes: 0,
  sessions: 0,
  lingering: 0,
};

/** A running app. */
export class AppServer<App extends Startable> {
  readonly app: App;
  readonly #served: Served;
  readonly #path: string;
  readonly #clients: Client<App>[] = [];
  readonly #wires: Wire[] = [];

  private constructor(app: App, served: Served, path: string) {
    this.app = app;
    this.#served = served;
    this.#path = path;
  }

  /** Serves `app`; `web` is what answers requests where that is not the app itself. */
  static async start<App extends Startable>(
    app: App,
    { path = "/", web = app }: { path?: string; web?: ServedApp } = {},
  ): Promise<AppServer<App>> {
    return new AppServer(app, await serve(web), path);
  }

  get port(): number {
    return this.#served.port;
  }

  /** `http://127.0.0.1:port` and the path. */
  get url(): string {
    return `${this.#served.url}${this.#path}`;
  }

  /** A client that is closed at the end. */
  client(options: ConnectOptions<App> = {}): Client<App> {
    const client = connect<App>(this.url, { onError: () => {}, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A client by hand that is cut at the end. */
  async wire(options: WireOptions = {}): Promise<Wire> {
    const wire = await Wire.open(this.port, { path: this.#path, ...options });
    this.#wires.push(wire);
    return wire;
  }

  /** A call by `POST`; JSON unless the headers say otherwise. */
  post(name: string, body?: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url.replace(/\/$/, "")}/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
    });
  }

  /** Waits until `read` gives what is expected; between two looks the server answers a request, so time passes for it. */
  until(read: () => unknown, expected: unknown): Promise<void> {
    return until(async () => {
      await (await fetch(this.url)).body?.cancel();
      return read();
    }, expected);
  }

  /** Cuts all clients by hand. */
  async cutAll(): Promise<void> {
    await Promise.all(this.#wires.map((wire) => wire.cut()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#wires.map((wire) => wire.cut()));
    await this.app.shutdown({ deadline: 0 });
    await this.#served.close();
  }
}
