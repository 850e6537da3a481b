// The budget of the whole way between the runtime's WebSocket and a handler: the adapter of the runtime that this is, the connection and its queue, the transport and
// the core. budget_test.ts counts in the core alone, with every shape of call.
import { assert, assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { bytes, channel, millrace, procedure } from "../mod.ts";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { type Copies, copies, isStraight } from "./suites/copies.ts";
import { anything } from "./suites/pair.ts";
import { openRuntimeSocket, type RuntimeSocket } from "./suites/runtime_socket.ts";
import { call, frameOf, hello, type Message, messagesOf, payload } from "./suites/wire.ts";

const SIZE = 64 * 1024;
/** Headers, and what is moved beside the payload. */
const SLACK = 512;
const PAYLOAD = new Uint8Array(SIZE).fill(7);
const PRODUCER = new Uint8Array(16).fill(3);
const NAME = "board/7";

const given: Uint8Array[] = [];

function makeApp() {
  return millrace({
    procedures: {
      take: procedure({ input: bytes() }, (input) => void given.push(input as Uint8Array)),
      give: procedure({ input: anything }, () => PAYLOAD),
    },
    channels: { "board/:id": channel({ message: anything }) },
  });
}

/** Fails unless `times` copies of `size` bytes were made. */
function assertCopies(copied: Copies, times: number, size = SIZE): void {
  const { bytes } = copied;
  assert(
    bytes >= times * size && bytes <= times * size + SLACK,
    `${bytes} bytes: ${(bytes / size).toFixed(3)} copies`,
  );
}

/** Sends messages in one frame, and waits until the server has sent one. */
async function exchange(socket: RuntimeSocket, ...messages: Message[]): Promise<Copies> {
  const frame = frameOf(...messages) as Uint8Array<ArrayBuffer>;
  return await copies(async () => {
    const next = socket.next();
    socket.message(frame);
    await next;
  });
}

describe("bytes copied between the runtime's socket and a handler", () => {
  let app: ReturnType<typeof makeApp>;
  beforeEach(() => {
    app = makeApp();
    given.length = 0;
  });
  afterEach(async () => void (await app.shutdown({ deadline: 0 })));

  async function connected({ kept }: { kept: boolean }): Promise<RuntimeSocket> {
    const socket = openRuntimeSocket(app);
    await exchange(socket, hello({ limits: { window: 1 << 20 }, resumable: kept, producer: PRODUCER }));
    return socket;
  }

  for (const kept of [false, true]) {
    const session = kept ? ", the session is kept" : "";

    it(`from a message event to the handler: none, it is a view${session}`, async () => {
      const socket = await connected({ kept });
      const frame = frameOf(call(1, "take", PAYLOAD)) as Uint8Array<ArrayBuffer>;
      const next = socket.next();
      const copied = await copies(async () => {
        socket.message(frame);
        await next;
      });
      assertCopies(copied, 0);
      assertEquals(given.map(({ length }) => length), [SIZE]);
      assertStrictEquals(given[0]!.buffer, frame.buffer);
    });

    it(`from a handler to send: once, into the frame${session}`, async () => {
      const socket = await connected({ kept });
      await exchange(socket, call(1, "give")); // the buffer grows to its size
      const [, sequence] = messagesOf(socket.sent.at(-1)!).find(([kind]) => kind === Kind.RESULT)!;
      socket.message(frameOf([Kind.ACK, sequence]) as Uint8Array<ArrayBuffer>); // and is free again
      const copied = await exchange(socket, call(2, "give"));
      const sent = socket.sent.at(-1)!;
      assertGreater(sent.length, SIZE);
      assertCopies(copied, 1);
      assert(isStraight(copied, PAYLOAD, sent));
    });
  }

  it("a publication to sockets that are full: once for all, their queues keep what is shared", async () => {
    const subscribers: RuntimeSocket[] = [];
    for (let i = 0; i < 10; i++) {
      const socket = await connected({ kept: false });
      await exchange(socket, [Kind.SUBSCRIBE, 1, NAME, null, null]);
      subscribers.push(socket);
    }
    const publisher = await connected({ kept: false });
    const publish = (id: number, size: number) => {
      const data = encode(new Uint8Array(size).fill(id));
      return exchange(publisher, [Kind.CALL, id, id, "@publish", null, payload([NAME, id, data])]);
    };
    for (const socket of subscribers) socket.stalled = true;
    await publish(1, SIZE / 2);
    const before = subscribers.map(({ sent }) => sent.length);
    const size = SIZE * 15 / 4; // with what waits, more than the runtime may hold
    const copied = await publish(2, size);
    assertEquals(subscribers.map(({ sent }) => sent.length), before, "it waits");
    assertCopies(copied, 1, size);
    const drained = subscribers.map((socket) => socket.next());
    const later = await copies(async () => {
      for (const socket of subscribers) socket.drain();
      await Promise.all(drained);
    });
    assertCopies(later, 0, size);
    const frames = subscribers.map(({ sent }) => sent.at(-1)!);
    assertGreater(frames[0]!.length, size);
    for (const frame of frames) assertStrictEquals(frame.buffer, frames[0]!.buffer);
  });
});
