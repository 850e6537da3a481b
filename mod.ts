/**
 * Typed RPC over one WebSocket, in MessagePack, for servers on Deno and Bun.
 *
 * @example One server file: `deno serve -A app.ts` runs it, and so does `bun app.ts`
 * ```ts
 * import { millrace, procedure } from "@millrace/millrace";
 * import { z } from "zod";
 *
 * export const app = millrace({
 *   procedures: {
 *     add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
 *   },
 * });
 * export type App = typeof app;
 * export default app;
 * ```
 *
 * @module
 */

// Apps and procedures.
export { channel, define, millrace, procedure } from "./rpc/server.ts";
export { bytes } from "./rpc/bytes.ts";

// Errors and close codes.
export { CallError, isCallError } from "./rpc/errors.ts";
export type { CallErrorCode, DeclaredError, SystemError } from "./rpc/errors.ts";
export { closeAdvice, CloseCode } from "./rpc/close.ts";
export type { CloseAdvice } from "./rpc/close.ts";

// Limits.
export { DEFAULT_LIMITS } from "./rpc/limits.ts";
export type { Limits } from "./rpc/limits.ts";

// An app: what it takes, what it gives, what its hooks see.
export type {
  AppOptions,
  Authenticate,
  AuthenticateInput,
  ConnectionFilter,
  Hooks,
  Identity,
  KickOptions,
  Millrace,
  OriginRules,
  ReauthorizeFilter,
  RequestCopy,
  ShutdownOptions,
  ShutdownReport,
  Stats,
} from "./rpc/app.ts";
export type { AppConnection, Connections } from "./rpc/connections.ts";
export type { Caller, Contract, ContractOf, HasContract } from "./rpc/contract.ts";

// Procedures: what handlers and middleware get.
export type { Define, Factory, PlainScope } from "./rpc/define.ts";
export type { AddedBy, Middleware, Next, Passed } from "./rpc/middleware.ts";
export type {
  CallContext,
  CallerConnection,
  DataArguments,
  ErrorConstructors,
  ErrorPlace,
  ReservedNames,
} from "./rpc/context.ts";
export type {
  ErrorSchemas,
  Group,
  Needs,
  PartOf,
  Procedure,
  ProcedureTypes,
  Shape,
} from "./rpc/procedure.ts";
export type {
  DuplexHandler,
  HandlerContext,
  ItemsConfig,
  ItemsHandlerArguments,
  MiddlewareFor,
  NeedsOf,
  NoCodes,
  ProcedureBuilder,
  ProcedureConfig,
  ProcedureTypeConfig,
  SchemaOr,
  Scope,
  ScopeOf,
  StreamHandler,
  UploadHandler,
  ValueHandler,
} from "./rpc/builder.ts";

// Channels: how an app declares them, what their rules and hooks get, and what is published.
export type {
  ChannelContext,
  ChannelRule,
  ChannelRules,
  DeclaredRules,
  OfMessages,
  Only,
  PresenceRule,
} from "./rpc/declared_rules.ts";
export type { ChannelBuilder, ChannelConfig } from "./rpc/channel_definition.ts";
export type {
  Channel,
  ChannelFor,
  ChannelGroup,
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
} from "./rpc/channel_types.ts";
export type {
  ChangeContext,
  Changer,
  ChangesConfig,
  Counting,
  InteractionsOf,
  Interactive,
  KindsCounted,
  KindsOf,
  MessageTarget,
  PieceOf,
  Reacting,
  ReactionKinds,
  ReactionSummary,
  Reactor,
  TargetMessage,
  TotalSummary,
  ValuesSummary,
} from "./rpc/interactions.ts";
export type { ChannelParams, GivenParams, ParamNames, ParamsOf } from "./rpc/channel_pattern.ts";
export type {
  FieldFilter,
  FieldsFilter,
  FilterNode,
  FilterPath,
  FilterScalar,
  MessageFilter,
  ScalarOf,
  TestOf,
} from "./rpc/filter_types.ts";
export type {
  ChangeableEntry,
  FilteredHistoryQuery,
  FindChannel,
  HistoryEntry,
  HistoryPage,
  HistoryQuery,
  Publish,
  PublishedEntry,
  PublishOptions,
  ReadPresence,
  ServerChannel,
  WithPresence,
} from "./rpc/publisher.ts";
export type { Member, MembersPage, MembersQuery, ServerPresence } from "./rpc/member_types.ts";
export type { PresenceKind, PresenceOptions } from "./rpc/presence_definition.ts";
export type {
  KeptMember,
  MemberChange,
  MemberData,
  MemberNews,
  MemberNode,
  PresenceAnswer,
  PresenceListener,
  PresenceLook,
  PresencePage,
  PresencePlace,
  PresencePush,
  PresenceStore,
} from "./rpc/presence_store.ts";
export type { Position } from "./rpc/broker.ts";

// Brokers: where channels live.
export {
  type Append,
  type Appended,
  type Broker,
  BrokerError,
  type BrokerErrorCode,
  type BrokerListener,
  type Change,
  type ChangeKind,
  type Changing,
  type Claim,
  type Entry,
  type Ledger,
  type Page,
  type Producer,
  type Query,
  type Reactions,
  type Retention,
  type Version,
} from "./rpc/broker.ts";

export type { Directory, DirectoryWatcher, NameList } from "./rpc/directory.ts";
export { type MemoryBounds, memoryBroker } from "./brokers/memory.ts";

// Calls, as callers hold them.
export type {
  Call,
  CallOptions,
  CallResult,
  CallShapes,
  CallTree,
  FailureOf,
  FirstItems,
  ItemArguments,
  ItemInputOf,
  ItemOutputOf,
  ItemStream,
  StreamCall,
  ValueArguments,
  ValueCall,
} from "./rpc/calls.ts";

// Schemas.
export type { MaybePromise } from "./rpc/maybe_promise.ts";
export type { Bytes, ReceivedBytes } from "./rpc/bytes.ts";
export type { InputOf, OutputOf, Schema, SchemaIssue, SchemaResult } from "./rpc/schema.ts";
