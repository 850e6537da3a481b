/**
 * Runs a scenario and has its history checked.
 */
import type { Anomaly } from "../../testing/anomaly.ts";
import { check } from "../../testing/checker.ts";
import type { LogEvent } from "../../testing/log.ts";
import { Random } from "../../testing/random.ts";
import { describe, SimulatedWorld } from "../../testing/world.ts";
import { WireLog } from "../../testing/wire_log.ts";
import { Actor } from "./actor.ts";
import { DESK_MEMBERS, HALL, makeScenarioNode, type ScenarioApp } from "./app.ts";
import { WALL } from "./documents.ts";
import { ServerDocuments } from "./server_documents.ts";
import { DESKS } from "./member.ts";
import { patternOf, ScenarioPublisher } from "./publisher.ts";
import { CHANNELS, NOOKS, SCORES } from "./deeds.ts";
import { BROKER_FAULTS, CUTS, EVENTS, type Scenario, type Step } from "./scenario.ts";
import { tallyOf } from "./tally.ts";

/** What a run gives. */
export interface Outcome {
  /** What was run. */
  readonly scenario: Scenario;
  /** What happened. */
  readonly log: readonly LogEvent[];
  /** What is wrong. */
  readonly anomalies: readonly Anomaly[];
  /** Turns of the event loop that were simulated. */
  readonly turns: number;
}

/** How long everything has to come right after the last fault, in ms. */
const CALM = 100_000;
/** The same where megabytes may wait, and a way takes 64 KiB in a round trip of a second and a half. */
const LARGE_CALM = 300_000;
/** How long a history may take when all is calm, in ms. */
const LAST_READ = 5_000;
/** How long each part of the reserve lasts, in ms. */
const PART = 1_500;

/**
 * Runs a scenario to its end.
 *
 * @param watch Is given what to call with a rejection that nobody handled; the runtime tells the program of those, not us.
 */
export async function runScenario(
  scenario: Scenario,
  watch: (escaped: (error: unknown) => void) => void = () => {},
): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  const { world } = simulation;
  watch((error) => world.recorder.add({ is: "escaped", error: describe(error) }));
  await simulation.run();
  const { log } = world.recorder;
  return { scenario, log, anomalies: check(log), turns: world.clock.turns };
}

class Simulation {
  readonly world: SimulatedWorld<ScenarioApp>;
  readonly #scenario: Scenario;
  readonly #actors: Actor[] = [];
  readonly #publisher: ScenarioPublisher;
  readonly #documents: ServerDocuments;
  /** Who is shut out of what: `c0 room/1`, with how often. */
  readonly #revoked = new Map<string, number>();
  #isCalm = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const { seed, conditions, delays, retention, limits } = scenario;
    const recorder = {
      add: (event: Parameters<typeof this.world.recorder.add>[0]) => this.world.recorder.add(event),
    };
    const wire = new WireLog({
      add: (event) => {
        if (!("channel" in event && event.channel === WALL)) recorder.add(event); // of that other lines tell
      },
    });
    const { traits } = scenario;
    const counts = traits.isLarge || traits.isFlood;
    this.world = new SimulatedWorld<ScenarioApp>({
      seed,
      delays,
      makeNode: (surroundings) =>
        makeScenarioNode(surroundings, {
          recorder,
          limits,
          retention,
          traits,
          random: new Random(seed).fork("rules"),
          isCalm: () => this.#isCalm,
          mayJoin: (client, channel) => !this.#revoked.has(`${actorOf(client)} ${channel}`),
        }),
      conditions: (name) => {
        const way = conditions[Number(actorOf(name).slice(1))]!;
        // A proxy that goes on cutting would be a fault that has no end.
        return this.#isCalm ? { ...way, idle: Infinity } : way;
      },
      watch: {
        arrived: (link, direction, frame) => {
          wire.arrived(link, direction, frame);
          if (direction === "up") this.#actors[Number(actorOf(link.client.name).slice(1))]?.arrived(link);
        },
        closed: (link, code) =>
          recorder.add({ is: "closed", client: link.client.name, connection: `${link}`, code }),
        left: (link, code) =>
          recorder.add({ is: "left", client: link.client.name, connection: `${link}`, code }),
        broke: (link, way) => this.world.recorder.fault(`${link} has broken: ${way}`, "cut"),
        sent: (link, frame) => {
          const client = link.client.name;
          for (const channel of wire.sent(link, frame, { channels: this.#revoked.size > 0, counts })) {
            if (!this.#revoked.has(`${actorOf(client)} ${channel}`)) continue;
            recorder.add({ is: "deliver", client, channel });
          }
        },
      },
    });
    this.#publisher = new ScenarioPublisher("server", {
      recorder,
      clock: this.world.machine,
      publish: (channel, message) =>
        this.world.node.channelTools.publish(...patternOf(channel), message as never) as never,
    });
    this.#documents = new ServerDocuments({
      recorder,
      channel: () => this.world.node.publisher.channel("wall/:id", { id: "1" }),
    });
  }

  async run(): Promise<void> {
    const { world } = this;
    const { clients, steps, length, retention } = this.#scenario;
    world.recorder.add({ is: "room", sessions: world.node.parts.limits.sessions });
    for (const channel of [...CHANNELS, ...NOOKS, SCORES]) {
      const messages = channel.startsWith("room") ? retention : HALL;
      world.recorder.add({ is: "retention", channel, messages, ms: this.#scenario.traits.seconds * 1_000 });
    }
    for (const channel of DESKS) {
      world.recorder.add({ is: "threshold", channel, members: DESK_MEMBERS });
    }
    for (let client = 0; client < clients; client++) {
      this.#actors.push(
        new Actor(world, `c${client}`, {
          limits: this.#scenario.clientLimits[client]!,
          hasToken: this.#scenario.traits.tokens !== undefined,
        }),
      );
    }
    this.#plan(steps);
    await world.run(length);
    for (const part of this.#scenario.reserve) {
      if (isEnough(world.recorder.log)) break;
      this.#plan(part);
      await world.run(PART);
    }
    world.recorder.add({ is: "calm" });
    this.#isCalm = true;
    for (const actor of this.#actors) actor.calm();
    await world.run(this.#scenario.traits.isLarge ? LARGE_CALM : CALM);
    for (const actor of this.#actors) actor.readAll();
    await world.run(LAST_READ);
    for (const actor of this.#actors) actor.settle();
    world.recorder.add({ is: "finish" });
  }

  #plan(steps: readonly Step[]): void {
    for (const step of steps) this.world.clock.setTimeout(() => this.#take(step), step.at);
  }

  #take(step: Step): void {
    const { recorder, network, machine, clock, broker, brokerConnection } = this.world;
    const actor = this.#actors[step.client]!;
    const uncertain = (ms: number): void => void clock.setTimeout(() => brokerConnection.tellUncertain(), ms);
    switch (step.do) {
      case "call":
      case "publish":
      case "subscribe":
      case "leave":
      case "wildcard":
      case "end wildcard":
      case "document":
      case "documents":
      case "listen":
      case "signal":
      case "history":
        return actor.act(step);
      case "enter":
      case "update":
      case "leave desk":
      case "watch":
      case "unwatch":
        return actor.meet(step);
      case "server publish":
        if (!machine.isAwake) return;
        for (let i = 0; i < (step.times ?? 1); i++) {
          this.#publisher.publish(step.channel, { size: step.size });
        }
        return;
      case "server document":
        if (machine.isAwake) this.#documents.act(step);
        return;
      case "server documents":
        if (machine.isAwake) this.#documents.read();
        return;
      case "revoke":
        return this.#revoke(actor, step);
      case "refuse":
        recorder.fault(`the server refuses connections for ${step.ms}`);
        return network.refuse(step.ms);
      case "lose":
        recorder.fault(`connections get no answer for ${step.ms}`);
        return network.lose(step.ms);
      case "freeze":
        if (!machine.isAwake) return;
        recorder.add({ is: "fault", what: "the server stands still", still: step.ms });
        machine.sleep();
        return void clock.setTimeout(() => machine.wake(), step.ms);
      case "trim":
        return broker.trim(step.channel, step.kept);
      case "lose stream":
        broker.lose(step.channel);
        return uncertain(step.ms);
      case "restart broker":
        broker.restart();
        brokerConnection.refuse(step.ms);
        return uncertain(step.ms);
      case "fail over":
        broker.failOver(step.channel, step.missing);
        return uncertain(step.ms);
      case "lose pushes":
        recorder.fault(`pushes are lost for ${step.ms}`, "broker");
        return brokerConnection.losePushes(step.ms);
      case "broker refuses":
        recorder.fault(`the broker refuses for ${step.ms}`, "broker");
        return brokerConnection.refuse(step.ms);
      default:
        return actor.suffer(step);
    }
  }

  #revoke(actor: Actor, { channel, ms }: Extract<Step, { do: "revoke" }>): void {
    const { recorder, clock, node } = this.world;
    const key = `${actorOf(actor.name)} ${channel}`;
    this.#revoked.set(key, (this.#revoked.get(key) ?? 0) + 1);
    recorder.add({ is: "revoke", client: actor.name, channel });
    node.connections().reauthorize(channel);
    clock.setTimeout(() => {
      const times = this.#revoked.get(key)! - 1;
      if (times > 0) return void this.#revoked.set(key, times);
      this.#revoked.delete(key);
      recorder.add({ is: "grant", client: actor.name, channel });
    }, ms);
  }
}

/** Whether a run is what the issue calls a seed. */
export function isEnough(log: readonly LogEvent[]): boolean {
  const { events, cuts, brokerFaults } = tallyOf(log);
  return events >= EVENTS && cuts >= CUTS && brokerFaults >= BROKER_FAULTS;
}

/** The actor behind a client: a life that came after a crash is named `c0.1`. */
function actorOf(client: string): string {
  return client.split(".")[0]!;
}
