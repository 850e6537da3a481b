/** A client of a {@linkcode World} whose messages the test writes itself. */
import { JoinedSocket, type World } from "./session_world.ts";
import { frameOf, type Message, payload } from "./wire.ts";

/** A connection that the test speaks on by hand. */
export class ByHand {
  readonly socket: JoinedSocket;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    this.socket = new JoinedSocket(world);
    world.sockets.push(this.socket);
  }

  async send(...messages: Message[]): Promise<unknown[][]> {
    await this.#world.settle();
    this.socket.send(Uint8Array.from(frameOf(...messages)));
    await this.#world.settle();
    return this.socket.messages;
  }

  /** Says HELLO. Gives WELCOME, if it came. */
  async hello(
    session: Uint8Array | null,
    { received = 0, ...options }: { received?: number; [key: string]: unknown } = {},
  ): Promise<unknown[] | undefined> {
    const messages = await this.send([0, 1, session, received, payload({ resumable: true, ...options })]);
    return messages.find(([kind]) => kind === 1);
  }
}
