/**
 * One client of a simulation and the program on it: it does what the scenario says, and starts again after a crash.
 */
import type { Client } from "../../client/client.ts";
import type { WakeEvents } from "../../client/wake.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Limits } from "../../rpc/limits.ts";
import { ScenarioCaller } from "./caller.ts";
import { ScenarioDocuments } from "./documents.ts";
import { type PresenceDeed, ScenarioMember } from "./member.ts";
import { patternOf, ScenarioPublisher } from "./publisher.ts";
import { isForNow, ScenarioSubscriber } from "./subscriber.ts";
import { ScenarioWildcards } from "./wildcards.ts";
import type { Link } from "../../testing/link.ts";
import type { Machine } from "../../testing/machine.ts";
import { type Answer, pause, type ScenarioApp } from "./app.ts";
import type { Deed } from "./deeds.ts";
import type { Fault } from "./faults.ts";
import { describe, type SimulatedWorld } from "../../testing/world.ts";

/** Subscriptions of one client to one channel, at most. */
const MOST = 2;

/** One client, over as many lives as it has. */
export class Actor {
  readonly #world: SimulatedWorld<ScenarioApp>;
  readonly #name: string;
  readonly #limits: Partial<Limits>;
  readonly #user: string | undefined;
  readonly #other: () => Actor | undefined;
  #alarms: WakeEvents | undefined;
  #lives = 0;
  #runs = 0;
  #caller: ScenarioCaller | undefined;
  #publisher: ScenarioPublisher | undefined;
  #subscriber: ScenarioSubscriber | undefined;
  #member: ScenarioMember | undefined;
  #wildcards: ScenarioWildcards | undefined;
  #documents: ScenarioDocuments | undefined;
  #isCalm = false;
  /** The next connection is cut before WELCOME, and the client told after so many ms. */
  #losesWelcome: number | undefined;
  #client: Client<ScenarioApp> | undefined;
  #machine: Machine | undefined;

  /** Connects. */
  constructor(
    world: SimulatedWorld<ScenarioApp>,
    name: string,
    { limits, user, other }: {
      readonly limits: Partial<Limits>;
      readonly user: string | undefined;
      /** Another client of the same user, if there is one. */
      readonly other: () => Actor | undefined;
    },
  ) {
    this.#world = world;
    this.#name = name;
    this.#limits = limits;
    this.#user = user;
    this.#other = other;
    this.#start();
  }

  /** Does it, if anybody is there to do it. */
  act(deed: Deed): void {
    if (!this.#machine!.isAwake) return;
    const subscriber = this.#subscriber!;
    switch (deed.do) {
      case "call":
        return this.#caller!.make(deed, this.#other()?.caller);
      case "publish":
        return this.#publisher!.publish(deed.channel, deed);
      case "subscribe":
        if (subscriber.count(deed.channel) < MOST) subscriber.subscribe(deed.channel, deed);
        return;
      case "wildcard":
        return this.#wildcards!.begin(deed);
      case "end wildcard":
        return this.#wildcards!.end();
      case "document":
        return this.#documents!.act(deed);
      case "documents":
        return this.#documents!.read();
      case "leave":
        return subscriber.leave(deed.channel);
      case "listen":
        return subscriber.listen(deed.channel);
      case "signal":
        return subscriber.signal(deed.channel);
      case "history":
        return this.#history(deed);
    }
  }

  /** Makes its calls, where anybody is there to make them. */
  get caller(): ScenarioCaller | undefined {
    return this.#machine!.isAwake ? this.#caller : undefined;
  }

  /** Does it, in the same way. */
  meet(deed: PresenceDeed): void {
    if (this.#machine!.isAwake) this.#member!.act(deed);
  }

  /** Its handlers are quick from now on. */
  calm(): void {
    this.#subscriber!.calm();
    this.#wildcards!.calm();
    this.#isCalm = true;
  }

  /** Nothing more happens: what its wildcards have left is told. */
  settle(): void {
    if (this.#machine!.isDead) return;
    this.#wildcards!.settle();
    this.#documents!.settle();
  }

  /** Reads what has become of messages that may change, if it has seen any, and who is there. */
  readAll(): void {
    if (this.#machine!.isDead) return;
    if (this.#documents!.follows) this.#documents!.read();
    this.#member!.read();
  }

  /** The name of its present life. */
  get name(): string {
    return this.#machine!.name;
  }

  #history({ channel, upwards, limit, from, tags }: Extract<Deed, { do: "history" }>): void {
    const { recorder, clock } = this.#world;
    const client = this.name;
    const place = upwards ? { after: from ?? 0 } : from === undefined ? {} : { before: from };
    const query = { ...place, limit, at: clock.now(), filter: tags };
    const filter = tags && { tag: { in: tags } };
    this.#client!.channel(...patternOf(channel)).history({ ...place, limit, filter }).then((page) => {
      const { position: top, oldest, more, through } = page;
      const entries = page.entries.map(({ position, data }) => ({ position, value: data.value }));
      if (!upwards) entries.reverse();
      recorder.add({ is: "page", client, channel, entries, query, told: { top, oldest, more, through } });
    }, (error) => {
      if (!(error instanceof CallError)) recorder.add({ is: "escaped", error: `history: ${error}` });
    });
  }

  /** Lets it happen to this client. */
  suffer(fault: Fault): void {
    const machine = this.#machine!;
    const link = this.#world.network.linkOf(machine);
    const { recorder, clock } = this.#world;
    const tell = (what: string, by?: "cut"): void => recorder.fault(`${machine.name} ${what}`, by);
    switch (fault.do) {
      case "cut":
        if (link === undefined) return;
        tell(`${link} is cut; told after ${fault.tellClient}, the server after ${fault.tellServer}`, "cut");
        return link.cut({ client: fault.tellClient, server: fault.tellServer });
      case "lose welcome":
        if (link === undefined) return;
        tell(`${link} is cut, and the next one before WELCOME`, "cut");
        this.#losesWelcome = fault.tellClient;
        return link.cut();
      case "break":
        if (link === undefined) return;
        tell(`${link} breaks ${fault.way} after ${fault.bytes} bytes`);
        return link[fault.way].breakAfter(fault.bytes);
      case "silence":
        if (link === undefined) return;
        tell(`${link} goes silent: ${fault.way}`, "cut");
        if (fault.way !== "up") link.silence("down");
        if (fault.way !== "down") link.silence("up");
        return;
      case "stall":
        if (link === undefined) return;
        tell(`${link} stalls ${fault.way} for ${fault.ms}`);
        return link[fault.way].stall(fault.ms);
      case "sleep":
        if (!machine.isAwake) return;
        tell(`sleeps for ${fault.ms}, its clock ${fault.counted ? "goes on" : "stops"}`);
        machine.sleep();
        return void clock.setTimeout(() => machine.wake(fault.counted), fault.ms);
      case "alarm":
        if (!machine.isAwake) return;
        tell(fault.isOnline ? "is online" : "woke");
        return fault.isOnline ? this.#alarms!.online() : this.#alarms!.woke();
      case "crash":
        return this.#crash(fault.ms);
    }
  }

  /** Something has arrived by a connection of this client: what is done to it when that is HELLO and WELCOME is to be lost. */
  arrived(link: Link): void {
    const client = this.#losesWelcome;
    if (client === undefined) return;
    this.#losesWelcome = undefined;
    const { recorder, clock } = this.#world;
    clock.setTimeout(() => {
      recorder.fault(`${link} is cut before WELCOME; told after ${client}`, "cut");
      link.cut({ client });
    }, 0);
  }

  #crash(ms: number): void {
    const machine = this.#machine!;
    if (machine.isDead) return;
    const { recorder, clock, network } = this.#world;
    recorder.add({ is: "crash", client: machine.name });
    machine.kill();
    for (const link of network.linksOf(machine)) link.cut({ client: Infinity });
    clock.setTimeout(() => this.#start(), ms);
  }

  #start(): void {
    const { recorder } = this.#world;
    const name = this.#lives === 0 ? this.#name : `${this.#name}.${this.#lives}`;
    this.#lives++;
    const tokens = this.#world.random.fork(`${name}'s tokens`);
    const user = this.#user;
    const signsIn = user === undefined ? {} : {
      token: () =>
        new Promise<string>((resolve) =>
          void this.#world.clock.setTimeout(() => resolve(user), tokens.pick([0, 20, 1_000, 5_000]))
        ),
    };
    const client = this.#client = this.#world.connect({
      limits: this.#limits,
      ...signsIn,
      wake: (alarms) => {
        this.#alarms = alarms;
        return () => {};
      },
      // Who listens to signals and is shut out is told so here.
      onError: (error) => {
        if (isForNow(error) || (error instanceof CallError && error.code === "NOT_FOUND")) return;
        recorder.add({ is: "escaped", error: `${name}: ${describe(error)}` });
      },
      client: {
        confirm: ({ work }): Answer => {
          const execution = -(++this.#runs);
          recorder.add({ is: "run", work, execution });
          return { execution };
        },
      },
    }, name);
    const machine = this.#machine = this.#world.machineOf(client);
    this.#caller = new ScenarioCaller({ name, client, machine, recorder });
    this.#publisher = new ScenarioPublisher(name, {
      recorder,
      clock: machine,
      publish: (channel, message, options) => client.channel(...patternOf(channel)).publish(message, options),
    });
    const views = this.#world.random.fork(`${name}'s views`);
    const wait = () => pause(machine, views.pick([0, 0, 100, 3_000]));
    this.#member = new ScenarioMember({ name, user, client, recorder, wait });
    const random = this.#world.random.fork(`${name}'s handlers`);
    const kept = this.#subscriber?.kept ?? [];
    const subscriber = this.#subscriber = new ScenarioSubscriber({ name, client, machine, random, recorder });
    const plans = this.#wildcards?.plans ?? [];
    const wildcards = this.#wildcards = new ScenarioWildcards({
      name,
      client,
      machine,
      random: this.#world.random.fork(`${name}'s wildcards`),
      recorder,
    });
    const follows = this.#documents?.follows;
    this.#documents = new ScenarioDocuments({ name, subject: user, client, machine, recorder });
    if (follows) this.#documents.follow();
    if (this.#isCalm) {
      subscriber.calm();
      wildcards.calm();
    }
    // What was kept on disk: the program goes on from there.
    for (const [channel, plan, position] of kept) subscriber.subscribe(channel, plan, position);
    for (const plan of plans) wildcards.begin(plan);
  }

  /** Closes the client for good. */
  async close(): Promise<void> {
    if (!this.#machine!.isDead) await this.#client!.close();
  }
}
