/**
 * Sessions: one is carried on as long as it is kept, under either of its ids, and its client asks for it.
 *
 * @module
 */
import type { Line, RuleCheck, Surroundings } from "./rule.ts";

/** A session, as the wire shows it. */
interface Session {
  readonly client: string;
  /** The connection that carries it, or did last. */
  carrier: string;
  /** How long it is kept, in ms. */
  window: number;
  /** When its authentication ends, unless a token comes before. */
  expiresAt: number;
  /** Since when it has no connection. */
  lostAt: number | undefined;
  /** Whether its end is allowed: a close that ends it, or no room. */
  mayBeOver: boolean;
}

/** What a HELLO asked for. */
interface Asked {
  readonly id: string | undefined;
  readonly opening: string | undefined;
  /** The session of that id, when it asked. */
  readonly session: Session | undefined;
  /** What may have been opened for it by a WELCOME that found the socket closed: nobody sees it, and it takes room all the same. */
  readonly unheard: Session | undefined;
}

/** The latest session that a client has to ask for, and until when. */
interface Known {
  readonly session: Session;
  readonly until: number;
}

/** Closes after which a session is kept for sure; with others the server or the client may end it. */
const KEEPS = new Set([1006, 4409, 4500, 4503, 4504]);

/** How long a client asks at least for a session of which it heard no WELCOME, in ms after it was sent: its own bound is 120 s from a moment nobody else knows. */
const OPENING = 30_000;

/** How long `authenticate` may take between HELLO and WELCOME, in ms. */
const ASKING = 1_000;

type KeptSessionsLine = "fault" | "room" | "hello" | "welcome" | "expires" | "welcomed" | "closed" | "left";

/** A session is carried on as long as it is kept, and no other is. */
export class KeptSessions implements RuleCheck<KeptSessionsLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly KeptSessionsLine[] = [
    "fault",
    "room",
    "hello",
    "welcome",
    "expires",
    "welcomed",
    "closed",
    "left",
  ];
  readonly #surroundings: Surroundings;
  readonly #sessions = new Map<string, Session>();
  readonly #all = new Set<Session>();
  /** What clients call sessions that they want opened. */
  readonly #openings = new Set<string>();
  /** By connection. */
  readonly #asked = new Map<string, Asked>();
  /** The session that each connection was welcomed with. */
  readonly #welcomed = new Map<string, Session>();
  /** By client. */
  readonly #known = new Map<string, Known>();
  /** The latest connection of each client that has said HELLO, by its number. */
  readonly #latest = new Map<string, number>();
  /** Connections that are over at one side. */
  readonly #over = new Set<string>();
  #room = Infinity;
  /** How long sessions are kept, when anybody was told. */
  #window = Infinity;
  /** Whether the server's timers run when they are due. */
  #isPunctual = true;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<KeptSessionsLine>, line: number): void {
    switch (event.is) {
      case "fault":
        if (event.still !== undefined) this.#isPunctual = false;
        return;
      case "room":
        this.#room = event.sessions;
        return;
      case "hello":
        return this.#hello(event, line);
      case "welcome":
        return this.#welcome(event, line);
      case "expires": {
        const session = this.#welcomed.get(event.connection);
        if (session !== undefined) session.expiresAt = event.at + event.ms;
        return;
      }
      case "welcomed": {
        const session = this.#welcomed.get(event.connection ?? "");
        if (session === undefined) return void this.#known.delete(event.client);
        return void this.#known.set(event.client, { session, until: event.at + session.window });
      }
      case "closed":
      case "left":
        return this.#lost(event);
    }
  }

  #hello({ client, connection, session: id, opening, at }: Line<"hello">, line: number): void {
    const session = id === undefined ? undefined : this.#sessions.get(id);
    const unheard = session === undefined ? this.#mayOpen(client, connection) : undefined;
    this.#asked.set(connection, { id, opening, session, unheard });
    if (unheard !== undefined && this.#over.has(connection)) this.#waits(unheard, at);
    if (opening !== undefined) this.#openings.add(opening);
    const isLate = this.#isLate(client, connection);
    if (id !== undefined || isLate) return;
    const known = this.#known.get(client);
    if (known === undefined || known.session.mayBeOver || at >= known.until) return;
    this.#found(`${connection} does not ask for the session of ${known.session.carrier}`, line);
  }

  #welcome({ client, connection, session: id, resumed, window, at }: Line<"welcome">, line: number): void {
    const asked = this.#asked.get(connection);
    this.#window = window;
    const before = asked?.session;
    let session = before;
    if (asked?.unheard !== undefined) this.#all.delete(asked.unheard);
    if (resumed) {
      if (before === undefined) {
        // A WELCOME that found the socket closed opened a session all the same.
        const isOpened = asked?.id !== undefined && this.#openings.has(asked.id);
        if (!isOpened) this.#found(`${connection} carries on a session that was never opened`, line);
      } else if (before.client !== client) this.#found(`${connection} carries on ${before.client}'s`, line);
      else if (this.#isPunctual && at > before.expiresAt + ASKING) {
        this.#found(
          `${connection} carries on a session whose authentication ended at ${before.expiresAt}`,
          line,
        );
      }
      if (before !== undefined) before.expiresAt = Infinity; // the next line tells
    } else {
      if (before !== undefined && this.#isKept(before, at)) {
        const since = before.lostAt === undefined ? "had a connection" : `was lost at ${before.lostAt}`;
        const what = `${connection} asked for the session of ${before.carrier}, which ${since}`;
        this.#found(`${what} and is kept for ${before.window} ms, and got another`, line);
      }
      session = undefined;
    }
    session ??= {
      client,
      carrier: connection,
      window,
      expiresAt: Infinity,
      lostAt: undefined,
      mayBeOver: window === 0,
    };
    session.carrier = connection;
    session.lostAt = undefined;
    this.#all.add(session);
    this.#sessions.set(id, session);
    if (!resumed && asked?.opening !== undefined) {
      this.#sessions.set(asked.opening, session);
      // Should WELCOME be lost, the client has a name for it, and counts from the moment at which it lost the connection.
      if (!this.#isLate(client, connection)) {
        this.#known.set(client, { session, until: at + Math.min(window, OPENING) });
      }
    }
    this.#welcomed.set(connection, session);
  }

  /** What a client sent on a connection that it has given up may arrive after what it sent on the next. */
  #isLate(client: string, connection: string): boolean {
    const number = Number(connection.slice(connection.lastIndexOf("/") + 1));
    const latest = this.#latest.get(client) ?? 0;
    if (number > latest) this.#latest.set(client, number);
    return number < latest;
  }

  #isKept({ lostAt, window, mayBeOver, expiresAt }: Session, at: number): boolean {
    return !mayBeOver && at < expiresAt && (lostAt === undefined || at < lostAt + window);
  }

  #lost({ connection, code, at }: Line<"closed" | "left">): void {
    if (connection === undefined) return;
    this.#over.add(connection);
    const asked = this.#asked.get(connection);
    const session = this.#welcomed.get(connection) ?? asked?.session ?? asked?.unheard;
    if (session === undefined) return;
    if (!KEEPS.has(code)) session.mayBeOver = true;
    if (session.carrier === connection && session.lostAt === undefined) this.#waits(session, at);
  }

  #mayOpen(client: string, carrier: string): Session {
    const unheard = {
      client,
      carrier,
      window: Infinity,
      expiresAt: Infinity,
      lostAt: undefined,
      mayBeOver: true,
    };
    this.#all.add(unheard);
    return unheard;
  }

  /** It has no connection from now on. */
  #waits(session: Session, at: number): void {
    session.lostAt = at;
    session.window = Math.min(session.window, this.#window);
    // Those that may be over may wait as well. The oldest goes first; which that is, is for the server to say.
    const waiting = [...this.#all].filter(({ lostAt, window }) =>
      lostAt !== undefined && at < lostAt + window
    );
    if (waiting.length <= this.#room) return;
    for (const one of waiting) one.mayBeOver = true;
  }

  #found(what: string, line: number): void {
    this.#surroundings.found("kept session", what, line);
  }
}
