/**
 * The client: browsers, Deno, Bun and Node 22 or newer, on the standard WebSocket.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@millrace/millrace/client";
 * import type { App } from "./app.ts";
 *
 * await using app = connect<App>("wss://example.org/rpc");
 * console.log(await app.call.add({ a: 1, b: 2 }));
 * ```
 *
 * @module
 */

// The client.
export { connect } from "./connect.ts";
export type { Client } from "./client.ts";
export type { ClientState, ConnectOptions } from "./connect_options.ts";
export type { WakeEvents, WakeSource } from "./wake.ts";
export type { BackoffOptions } from "./backoff.ts";
export type { WebSocketFactory, WebSocketLike } from "./web_socket.ts";
export type { Clock } from "../rpc/clock.ts";
export type { Limits } from "../rpc/limits.ts";

// Channels.
export type {
  AppendEvent,
  ChangedEvent,
  ChangeEvent,
  ChannelEvent,
  ClientChannel,
  DeleteEvent,
  DeliveryPolicy,
  EditEvent,
  EventHandler,
  GapEvent,
  MessageEvent,
  OpenChannel,
  OptionsOf,
  PublishCallOptions,
  ReactionsEvent,
  ResetEvent,
  SelectiveOptions,
  SubscribeOptions,
  Subscription,
  Traffic,
} from "./channel_types.ts";
export type {
  Changer,
  Interactive,
  KindsCounted,
  MessageTarget,
  PieceOf,
  Reacting,
  ReactionSummary,
  Reactor,
  TotalSummary,
  ValuesSummary,
} from "../rpc/interactions.ts";
export type {
  ClientPresence,
  PresenceHandler,
  PresenceView,
  PresenceWatch,
  PresentUser,
  WatchPresenceOptions,
} from "./presence_types.ts";
export type { Member, MembersPage, MembersQuery } from "../rpc/member_types.ts";
export type { PresenceKind } from "../rpc/presence_definition.ts";
export type {
  ClientChannels,
  MatchedChannel,
  OpenChannels,
  WildcardEvent,
  WildcardHandler,
  WildcardOptions,
  WildcardSubscription,
} from "./wildcard_types.ts";
export type {
  FieldFilter,
  FieldsFilter,
  FilterNode,
  FilterPath,
  FilterScalar,
  MessageFilter,
  ScalarOf,
  TestOf,
} from "../rpc/filter_types.ts";
export type {
  ChangeableEntry,
  FilteredHistoryQuery,
  HistoryEntry,
  HistoryPage,
  HistoryQuery,
  PublishedEntry,
} from "../rpc/publisher.ts";
export type { ParamNames, ParamsOf } from "../rpc/channel_pattern.ts";
export type { Position } from "../rpc/broker.ts";
export type {
  Channel,
  ChannelFor,
  ChannelTypes,
  Interactions,
  MessageInput,
  MessageOutput,
  MessageSchema,
  PresenceInput,
  PresenceOf,
  PresenceOutput,
  Published,
  SignalInput,
  SignalOutput,
  SignalSchema,
  WithParams,
} from "../rpc/channel_types.ts";

// What it may offer its server.
export type { OfferContext, Offers, OfferShapes, OfferTree } from "./types.ts";
export type { DataArguments, ErrorConstructors } from "../rpc/context.ts";

// Errors and close codes.
export { CallError, isCallError } from "../rpc/errors.ts";
export type { CallErrorCode, DeclaredError, SystemError } from "../rpc/errors.ts";
export { closeAdvice, CloseCode } from "../rpc/close.ts";
export type { CloseAdvice } from "../rpc/close.ts";

// Calls, and the contract they come from.
export type {
  Call,
  CallOptions,
  CallResult,
  CallShapes,
  CallTree,
  ErrorsOf,
  FailureOf,
  FirstItems,
  ItemArguments,
  ItemInputOf,
  ItemOutputOf,
  ItemStream,
  StreamCall,
  ValueArguments,
  ValueCall,
} from "../rpc/calls.ts";
export type { Caller, Contract, ContractOf, HasContract } from "../rpc/contract.ts";
export type { ErrorSchemas, Needs, PartOf, Procedure, ProcedureTypes, Shape } from "../rpc/procedure.ts";
export type { InputOf, OutputOf, Schema, SchemaIssue, SchemaResult } from "../rpc/schema.ts";
