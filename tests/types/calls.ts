// What a caller sees of the app, and what the compiler refuses. Compiled, never run.
import type { ReceivedBytes } from "../../rpc/bytes.ts";
import type { CallResult, ErrorsOf, FailureOf, ItemStream, StreamCall, ValueCall } from "../../rpc/calls.ts";
import type { Caller } from "../../rpc/contract.ts";
import { type DeclaredError, isCallError, type SystemError } from "../../rpc/errors.ts";
import type { App } from "./app.ts";
import { type Equal, expect } from "./expect.ts";

interface Board {
  id: string;
  made: Date;
}
type Renames = SystemError | DeclaredError<"TAKEN", { by: string }> | DeclaredError<"FULL", undefined>;

export async function values(call: Caller<App>): Promise<void> {
  const sum = call.add({ a: 1, b: 2 });
  expect<Equal<typeof sum, ValueCall<number, SystemError>>>();
  expect<Equal<Awaited<typeof sum>, number>>();
  expect<Equal<Awaited<ReturnType<typeof call.nothing>>, void>>();
  expect<Equal<Awaited<ReturnType<typeof call.later>>, string>>();
  expect<Equal<Awaited<ReturnType<typeof call.users.admin.count>>, bigint>>();
  expect<Equal<Awaited<ReturnType<typeof call.rename>>, Board>>();
  expect<Equal<Awaited<ReturnType<typeof call.echo>>, ReceivedBytes>>();
  await call.add({ a: 1, b: 2 }, { signal: AbortSignal.timeout(9), timeout: 5 });
  await call.one();
  await call.one(undefined, { timeout: 5 });
  await call.maybe();
  await call.maybe(3);
  await call.echo(new Uint8Array(3));
  await call.echo(new ReadableStream<Uint8Array>());
  const both: [number, string] = await Promise.all([sum, call.later()]);
  console.log(both);
  sum.cancel("enough");
}

export async function streams(call: Caller<App>): Promise<void> {
  const down = call.countdown(3);
  expect<Equal<typeof down, StreamCall<number, SystemError>>>();
  for await (const n of down) expect<Equal<typeof n, number>>();
  const accepted = await down;
  expect<Equal<typeof accepted, ItemStream<number>>>();
  for await (const line of call.lines()) expect<Equal<typeof line, { at: Date }>>();
  down.cancel();
}

export async function items(call: Caller<App>, numbers: AsyncIterable<number>): Promise<void> {
  const pieces = new Blob(["piece"]).stream();
  const uploaded = await call.upload({}, pieces, { timeout: 5 });
  expect<Equal<typeof uploaded, { size: number }>>();
  expect<Equal<Awaited<ReturnType<typeof call.sum>>, number>>();
  await call.sum(numbers, { timeout: 5 });
  await call.sum(new ReadableStream<number>().values());
  async function* words() {
    yield "mill";
  }
  for await (const word of call.talk(words())) expect<Equal<typeof word, string>>();
}

export async function failures(call: Caller<App>): Promise<void> {
  const answer = await call.rename("Mill").result();
  expect<Equal<typeof answer, CallResult<Board, Renames>>>();
  if (answer.ok) expect<Equal<typeof answer.value, Board>>();
  else if (answer.error.code === "TAKEN") expect<Equal<typeof answer.error.data, { by: string }>>();
  else if (answer.error.code === "FULL") expect<Equal<typeof answer.error.data, undefined>>();
  else expect<Equal<typeof answer.error, SystemError>>();
  expect<Equal<ErrorsOf<typeof call.rename>, Renames>>();
  expect<Equal<ErrorsOf<typeof call.countdown>, SystemError>>();
  expect<Equal<FailureOf<Record<never, never>>, SystemError>>();
  try {
    await call.rename("Mill");
  } catch (error) {
    if (isCallError<ErrorsOf<typeof call.rename>>(error) && error.code === "TAKEN") {
      expect<Equal<typeof error.data, { by: string }>>();
    }
    if (isCallError(error)) expect<Equal<typeof error.ambiguous, boolean>>();
  }
}

export function refused(
  call: Caller<App>,
  words: AsyncIterable<string>,
  pieces: ReadableStream<Uint8Array>,
): void {
  // @ts-expect-error no such procedure
  call.ad({ a: 1, b: 2 });
  // @ts-expect-error a group is not called
  call.users();
  // @ts-expect-error no such procedure in the group
  call.users.remove();
  // @ts-expect-error a field of another type
  call.add({ a: 1, b: "2" });
  // @ts-expect-error a missing field
  call.add({ a: 1 });
  // @ts-expect-error a field too many
  call.add({ a: 1, b: 2, c: 3 });
  // @ts-expect-error a missing argument
  call.add();
  // @ts-expect-error an argument too many
  call.add({ a: 1, b: 2 }, {}, 3);
  // @ts-expect-error no such option
  call.add({ a: 1, b: 2 }, { timeOut: 5 });
  // @ts-expect-error a procedure without input takes none
  call.one(1);
  // @ts-expect-error a stream is no number
  call.countdown("3");
  // @ts-expect-error items of another type
  call.sum(words);
  // @ts-expect-error in the first place a ReadableStream would be taken for an input
  call.sum(new ReadableStream<number>());
  // @ts-expect-error the input comes before the items
  call.upload(pieces);
  // @ts-expect-error an upload needs its items
  call.upload({});
  // @ts-expect-error text is no bytes
  call.echo("bytes");
  // @ts-expect-error a value is not iterated
  call.add({ a: 1, b: 2 })[Symbol.asyncIterator];
  // @ts-expect-error a stream is not a Promise
  call.countdown(3).catch;
}

export async function wrongErrors(call: Caller<App>): Promise<void> {
  const answer = await call.rename("Mill").result();
  // @ts-expect-error no such error
  if (answer.error?.code === "TAKN") return;
  // @ts-expect-error the value is there only when it went well
  console.log(answer.value.id);
}
