/**
 * Tests for apps on networks that fail, without a network: real server and clients under virtual time, and a checker that reads what happened.
 *
 * @example
 * ```ts
 * import { millrace, procedure } from "@millrace/millrace";
 * import { simulate } from "@millrace/millrace/testing";
 *
 * const app = millrace({ procedures: { hello: procedure(() => "world") } });
 *
 * await using world = simulate(app, { seed: 1 });
 * const client = world.connect();
 * console.log(await world.wait(client.call.hello()));
 * ```
 *
 * What a handler of a subscription throws, an assertion too, fails no test: as in a real program it goes to the client's `onError`, and without one to `world.recorder.log` as
 * a line `escaped`. So let handlers collect, and assert outside.
 *
 * @module
 */

// A world for an app.
export { simulate } from "./simulate.ts";
export type { SimulateOptions } from "./simulate.ts";
export type { World } from "./world.ts";
export { GOOD } from "./network.ts";
export type { Conditions } from "./lane.ts";
export type { Direction } from "./link.ts";
export { Random } from "./random.ts";
export type { Recorder } from "./recorder.ts";

// The history checker.
export { check } from "./checker.ts";
export type { CheckOptions } from "./checker.ts";
export { RULES } from "./anomaly.ts";
export type { Anomaly, Rule } from "./anomaly.ts";
export { line, traceOf } from "./log.ts";
export type { DocumentChange, DocumentEvent, LoggedReaction, SeenDocument } from "./document_log.ts";
export type { PresenceEvent, SeenChange, SeenUser } from "./presence_log.ts";
export type {
  BrokerEvent,
  CallEvent,
  Happening,
  LogEvent,
  LoggedPolicy,
  PageEnds,
  PageQuery,
  PublisherEvent,
  Publishing,
  SubscriberEvent,
  WireEvent,
  WorldEvent,
} from "./log.ts";

// Failures made short.
export { shrink } from "./shrink.ts";
export type { ShrinkOptions } from "./shrink.ts";

// What every broker has to hold.
export { brokerSuite } from "./broker_suite.ts";
export type { BrokerCapability, BrokerCheck, BrokerFixture } from "./broker_suite.ts";

// What these are made of, declared elsewhere.
export type * from "../client/mod.ts";
export type { Directory, DirectoryWatcher, NameList } from "../rpc/directory.ts";
export type { MaybePromise } from "../rpc/maybe_promise.ts";
export { BrokerError, type BrokerErrorCode } from "../rpc/broker.ts";
export type {
  Append,
  Appended,
  Broker,
  BrokerListener,
  Claim,
  Entry,
  Ledger,
  Page,
  Position,
  Producer,
  Query,
  Retention,
} from "../rpc/broker.ts";
