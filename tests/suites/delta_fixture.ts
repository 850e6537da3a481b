/**
 * A server and those who take its messages as differences.
 */
import { assertEquals } from "@std/assert";
import { decode, encode } from "../../msgpack/mod.ts";
import { Kind } from "../../rpc/kinds.ts";
import { ChannelNode, type Line } from "./channel_node.ts";
import { type Came, type Covered, DeltaMirror } from "./delta_mirror.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

export const NAME = "board/7";
export const DELTA = { delta: true };

/** A state of 300 bytes of which little changes. */
export function state(n: number): { n: number; text: string } {
  return { n, text: "state ".repeat(50) };
}

/** One of which everything does: no two have a run of bytes in common. */
export function other(n: number): string {
  let seed = n + 1;
  return Array.from({ length: 300 }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return String.fromCharCode(33 + (seed >>> 16) % 90);
  }).join("");
}

/** A server, and what a subscriber makes of what it is sent. */
export class DeltaFixture {
  readonly server = new ChannelNode({ broker: new ScriptedBroker() });
  readonly #mirrors = new Map<Line, { readonly mirror: DeltaMirror; read: number }>();

  async join(options: object | null = DELTA, hello: object = {}, position: unknown = null): Promise<Line> {
    const line = await this.server.connect(hello);
    this.#mirrors.set(line, { mirror: new DeltaMirror(), read: 0 });
    await line.joined(NAME, position, options);
    return line;
  }

  /** Publications of one turn. */
  async publish(...messages: unknown[]): Promise<void> {
    for (const message of messages) this.server.broker.add(NAME, encode(message));
    await this.server.settle();
  }

  /** A position that was published. */
  position(offset: number): unknown[] {
    const { epoch, entries } = this.server.broker.stream(NAME);
    return [epoch, offset, entries.find((entry) => entry.offset === offset)?.fingerprint ?? 0];
  }

  /** What has come since this was asked last. */
  took(line: Line): Came[] {
    return this.#mirror(line, (mirror, frames) => mirror.read(...frames));
  }

  how(line: Line): string[] {
    return this.took(line).map(([how]) => how);
  }

  /** In short: `w` or `d` with the offset of a message, `>n` of a SKIP, `from-to` of a GAP with the first letter of its reason. Each is what was published there. */
  told(line: Line): string[] {
    const covered = this.#mirror(line, (mirror, frames) => mirror.covered(...frames));
    return covered.map((one) => this.#brief(one));
  }

  /** It reads again, and acknowledges what it has read. Gives what comes. */
  async resume(line: Line): Promise<string[]> {
    line.pipe.resume();
    await this.server.settle();
    const { alias } = this.server.node.parts.channels!.hub.topic(NAME);
    const all: string[] = [];
    for (let told = this.told(line); told.length > 0; told = this.told(line)) {
      all.push(...told);
      const last = told.findLast((one) => one[0] === "w" || one[0] === "d");
      if (last !== undefined) line.send([Kind.SEEN, alias, Number(last.slice(1))]);
      await this.server.settle();
    }
    return all;
  }

  lastFrame(line: Line): Uint8Array {
    return line.pipe.frames.at(-1)!;
  }

  #brief(one: Covered): string {
    if (!("value" in one)) return one.is === "skip" ? `>${one.to}` : `${one.from}-${one.to}${one.reason[0]}`;
    const { entries } = this.server.broker.stream(NAME);
    assertEquals(one.value, decode(entries.find(({ offset }) => offset === one.to)!.data), `at ${one.to}`);
    return `${one.is[0]}${one.to}`;
  }

  #mirror<T>(line: Line, read: (mirror: DeltaMirror, frames: readonly Uint8Array[]) => T): T {
    const held = this.#mirrors.get(line)!;
    const frames = line.pipe.frames.slice(held.read);
    held.read = line.pipe.frames.length;
    return read(held.mirror, frames);
  }
}
