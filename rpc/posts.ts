/**
 * The calls by `POST` that an app has in flight: authenticated, run without a network, and let end when the app shuts down.
 *
 * @module
 */
import type { RequestCopy } from "./app.ts";
import type { CallerConnection } from "./context.ts";
import { CallError } from "./errors.ts";
import { answerPost } from "./http.ts";
import { identify } from "./identity.ts";
import { LocalCaller } from "./local_caller.ts";
import { channelPost } from "./post_channels.ts";
import type { ServerParts } from "./server_parts.ts";
import { waitingFor } from "./waiting_for.ts";

const ONE_VALUE = { streams: false, check: undefined };

/** One request from its headers to its answer. */
interface Post {
  caller?: LocalCaller;
  /** The app has shut down: what has not started will not. */
  cut: boolean;
}

/** The calls by `POST` of one app. */
export class Posts {
  readonly #parts: ServerParts;
  readonly #open = new Set<Post>();
  #ended: (() => void) | undefined;

  /** Starts with none. */
  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** Calls that run. */
  get calls(): number {
    let calls = 0;
    for (const { caller } of this.#open) calls += caller?.inFlight ?? 0;
    return calls;
  }

  /** Answers one request. Its method and origin are checked already; `copy` is what the program sees of it. */
  async answer(request: Request, { copy, name }: { copy: RequestCopy; name: string }): Promise<Response> {
    const post: Post = { cut: false };
    const { limits } = this.#parts;
    const { posts } = limits;
    const channel = channelPost(name, limits);
    const isFull = this.#open.size >= posts;
    this.#open.add(post);
    try {
      return await answerPost(request, name, {
        parts: this.#parts,
        enter: async () => {
          if (isFull) throw new CallError("RESOURCE_EXHAUSTED", `${posts} calls by POST are in flight`);
          post.caller = await this.#enter(copy);
        },
        call: (called) => {
          if (post.cut) throw new CallError("UNAVAILABLE");
          const answer = post.caller!.call(channel?.request(called) ?? called, ONE_VALUE);
          return channel === undefined ? answer : answer.then(channel.answer);
        },
      });
    } finally {
      post.caller?.end();
      this.#open.delete(post);
      if (this.#open.size === 0) this.#ended?.();
    }
  }

  /**
   * Lets calls end until `deadline` ms from now, and answers the rest `UNAVAILABLE` and ambiguous.
   *
   * @returns How many those were.
   */
  async drain(deadline: number): Promise<number> {
    if (this.#open.size > 0 && deadline > 0) {
      const { over, ended } = waitingFor(this.#parts.clock, deadline);
      this.#ended = ended;
      await over;
    }
    const { calls } = this;
    for (const post of this.#open) {
      post.cut = true;
      post.caller?.end(
        new CallError("UNAVAILABLE", "The server stopped while the call ran", { ambiguous: true }),
      );
    }
    return calls;
  }

  async #enter(request: RequestCopy): Promise<LocalCaller> {
    const given = { request, token: bearer(request.headers) };
    const context = await identify(this.#parts, { given, place: {} });
    const connection = localConnection(request.address, context.subject);
    return new LocalCaller(this.#parts, { connection, context });
  }
}

/** What a handler sees as the connection of a call that came by none. */
export function localConnection(address: string, subject: string | undefined): CallerConnection {
  return { id: "local", address, subject, close: () => {} };
}

function bearer(headers: Headers): string | undefined {
  const given = headers.get("authorization");
  return given !== null && /^bearer /i.test(given) ? given.slice(7).trim() : undefined;
}
