/**
 * A TCP proxy that behaves like a link of a given rate and delay: what netem does where the kernel has it.
 *
 * Each direction puts its bytes on the wire one packet behind the other and lets them arrive a fixed time later. It reads no further ahead
 * than `queue`: what is above that stays in the kernel of the sender, as it does in front of a real link. So a sender meets the rate, the
 * delay, and its own bytes in front of it, wherever they wait.
 *
 * TCP ends at the proxy on both sides: there is no slow start of the link, no loss, and an acknowledgement of TCP takes no time.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** What a link is like, in each direction. */
export interface Shape {
  /** Bytes in a second. */
  readonly rate: number;
  /** Milliseconds from one end to the other: half of what it adds to a round trip. */
  readonly delay: number;
  /** Bytes that are read ahead of the wire. Some milliseconds of the rate: timers are late by one or two. */
  readonly queue: number;
}

/** Chunks are cut to this, so that a small message waits for no more than its place. */
const PACKET = 4 * 1024;

interface Packet {
  readonly bytes: Uint8Array;
  /** When it has arrived. */
  readonly at: number;
}

/** One direction: bytes that were given to it arrive later, in order. No I/O; time is handed in. */
export class Line {
  readonly #shape: Shape;
  readonly #packets: Packet[] = [];
  /** When the last packet will have left. */
  #free = 0;

  /** An empty line. */
  constructor(shape: Shape) {
    this.#shape = shape;
  }

  /** Bytes that wait for their place on the wire. */
  waiting(now: number): number {
    return Math.max(0, this.#free - now) * this.#shape.rate / 1000;
  }

  /** Milliseconds until only half of the queue waits. */
  untilRoom(now: number): number {
    return Math.max(0, this.#free - now - this.#shape.queue / 2 / this.#shape.rate * 1000);
  }

  /** Whether no more should be given to it now. */
  full(now: number): boolean {
    return this.waiting(now) >= this.#shape.queue;
  }

  /** When the next packet arrives; `undefined` when nothing is on its way. */
  get next(): number | undefined {
    return this.#packets[0]?.at;
  }

  /** Takes bytes, which are its own from now on. */
  push(bytes: Uint8Array, now: number): void {
    const { rate, delay } = this.#shape;
    this.#free = Math.max(this.#free, now);
    for (let at = 0; at < bytes.length; at += PACKET) {
      const packet = bytes.subarray(at, at + PACKET);
      this.#free += packet.length / rate * 1000;
      this.#packets.push({ bytes: packet, at: this.#free + delay });
    }
  }

  /** What has arrived by now. */
  take(now: number): Uint8Array[] {
    let count = 0;
    while (count < this.#packets.length && this.#packets[count]!.at <= now) count++;
    return this.#packets.splice(0, count).map(({ bytes }) => bytes);
  }
}

/** Passes on what `from` says, as the line lets it, then its end. */
class Direction {
  readonly #line: Line;
  readonly #from: Socket;
  readonly #to: Socket;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #blocked = false;
  #ended = false;

  constructor(from: Socket, to: Socket, shape: Shape) {
    this.#line = new Line(shape);
    this.#from = from;
    this.#to = to;
    from.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    from.on("end", () => {
      this.#ended = true;
      this.#turn();
    });
    to.on("drain", () => {
      this.#blocked = false;
      this.#turn();
    });
    to.on("close", () => clearTimeout(this.#timer));
    from.on("error", () => to.destroy());
    from.on("close", () => this.#ended || to.destroy());
  }

  #receive(chunk: Uint8Array): void {
    const now = performance.now();
    this.#line.push(chunk, now);
    if (this.#line.full(now)) this.#from.pause();
    if (this.#timer === undefined) this.#turn();
  }

  #turn = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    if (!this.#blocked) this.#deliver(now);
    const due = this.#blocked || this.#line.next === undefined ? [] : [this.#line.next - now];
    if (this.#from.isPaused()) {
      const room = this.#line.untilRoom(now);
      if (room === 0 && !this.#blocked) this.#from.resume();
      else due.push(Math.max(1, room));
    }
    if (due.length > 0 && !this.#to.destroyed) this.#timer = setTimeout(this.#turn, Math.min(...due));
  };

  #deliver(now: number): void {
    const packets = this.#line.take(now);
    if (packets.length > 0) {
      this.#to.cork();
      for (const bytes of packets) this.#blocked = !this.#to.write(bytes) || this.#blocked;
      this.#to.uncork();
      this.#blocked &&= this.#to.writableNeedDrain;
    }
    if (this.#ended && this.#line.next === undefined) this.#to.end();
  }
}

/** Listens on a free port of the loopback, and passes everything on to `port` and back. */
export function shapedLink(port: number, shape: Shape): Promise<{ port: number; close(): void }> {
  const open = new Set<Socket>();
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    new Direction(near, far, shape);
    new Direction(far, near, shape);
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject).listen(0, "127.0.0.1", () => {
      const close = () => {
        server.close();
        for (const socket of open) socket.destroy();
      };
      resolve({ port: (server.address() as { port: number }).port, close });
    });
  });
}
