/**
 * The types of filters: as a program writes them, and as they are on the wire.
 *
 * @module
 */

/** What a field is compared with. */
export type FilterScalar = null | boolean | number | string;

/** The way to a field: keys of maps, and numbers of items in arrays. Empty for the message itself. */
export type FilterPath = readonly (string | number)[];

/** A filter in its long form, which can say everything: `["or", ["eq", ["team"], "red"], ["gte", ["score"], 10]]`. */
export type FilterNode =
  /** All of them, or one at least. */
  | readonly ["and" | "or", ...FilterNode[]]
  /** What does not pass. */
  | readonly ["not", FilterNode]
  /** A field that has a value, whatever it is. */
  | readonly ["exists", FilterPath]
  /** A field of this value. */
  | readonly ["eq", FilterPath, FilterScalar]
  /** A field of one of these values. */
  | readonly ["in", FilterPath, readonly FilterScalar[]]
  /** A text that begins so. */
  | readonly ["prefix", FilterPath, string]
  /** A number that is greater, or less, than this. */
  | readonly ["gt" | "gte" | "lt" | "lte", FilterPath, number];

/**
 * Which messages are wanted: `{ team: "red", score: { gte: 10 } }`, fields of the message that all have to fit; or the long form, whose operators take
 * either: `["or", { team: "red" }, ["prefix", ["driver", "name"], "A"]]`. A field that is not there, or is no string, number, boolean or null, fits nothing but
 * `exists`.
 */
export type MessageFilter<Message = unknown> =
  | FieldsFilter<Message>
  | FilterNode
  | readonly ["and" | "or", ...MessageFilter<Message>[]]
  | readonly ["not", MessageFilter<Message>];

/** Fields of a message that have to fit, all of them. */
export type FieldsFilter<Message> = unknown extends Message
  ? { readonly [field: string]: FieldFilter<unknown> | undefined }
  : Message extends object ? { readonly [Field in keyof Message]?: FieldFilter<Message[Field]> | undefined }
  : never;

/** What one field has to be: a value, or what passes all of these tests. */
export type FieldFilter<Value> = ScalarOf<Value> | {
  /** This value. */
  readonly eq?: ScalarOf<Value>;
  /** One of these values. */
  readonly in?: readonly ScalarOf<Value>[];
  /** A text that begins so. */
  readonly prefix?: TestOf<Value, string>;
  /** Whether the field is there. */
  readonly exists?: boolean;
  /** A greater number. */
  readonly gt?: TestOf<Value, number | bigint, number>;
  /** A number that is no less. */
  readonly gte?: TestOf<Value, number | bigint, number>;
  /** A smaller number. */
  readonly lt?: TestOf<Value, number | bigint, number>;
  /** A number that is no greater. */
  readonly lte?: TestOf<Value, number | bigint, number>;
};

/** What a test takes, where a field of this type can pass it. */
export type TestOf<Value, Tested, Taken = Tested> = unknown extends Value ? Taken
  : [Extract<Value, Tested>] extends [never] ? never
  : Taken;

/** The part of a type that can be compared. */
export type ScalarOf<Value> = unknown extends Value ? FilterScalar : Extract<Value, FilterScalar>;
