import { type ClientState, connect } from "../../../client/mod.ts";
import type { App } from "../app.ts";
import type { Node } from "../node.ts";
import { announce, element } from "./element.ts";
import { me } from "./me.ts";
import { noteFrame } from "./race.ts";
import { tap } from "./tap.ts";
import { duration } from "./text.ts";

/** Where the server answers: beside the page. */
export const address: string = new URL("/rpc", location.href.replace(/^http/, "ws")).href;

const wire = tap(noteFrame);

/** The connection of the page. All panels share it, but for the form at the end. */
export const app = connect<App>(address, { webSocket: wire.open, token: me.secret });

/** Cuts the network of this page, until it is mended. */
export const network = { cut: wire.cut, mend: wire.mend };

const watchers = new Set<(node: Node) => void>();

/** Tells who is at the other end, each time that there is a connection again. */
export function onNode(watcher: (node: Node) => void): void {
  watchers.add(watcher);
}

/** Shows the state of the connection, and lets a person cut it. */
export function startConnection(): void {
  app.on("state", showState);
  showState(app.state);
  element("drop", HTMLButtonElement).addEventListener("click", () => {
    wire.drop();
    announce("Connection dropped");
  });
  onNode(showNode);
}

let wasLost = false;

function showState({ status, reason, retryIn }: ClientState): void {
  const at = element("state", HTMLElement);
  at.dataset.state = status;
  const when = retryIn === undefined ? "" : ` in ${duration(retryIn)}`;
  const why = reason === undefined
    ? ""
    : `, closed with ${reason.code}${reason.reason && ` ${reason.reason}`}`;
  at.textContent = status === "open" ? "connected" : status + (status === "closed" ? why : when);
  at.title = status === "open" ? "" : `${status}${when}${why}`;
  if (status === "open" && wasLost) announce("Connected again");
  wasLost = status === "reconnecting";
  element("node", HTMLElement).classList.toggle("gone", status !== "open");
  if (status === "open") void askNode();
}

/** Who answers is asked over the connection: any other request may come to another node. */
async function askNode(): Promise<void> {
  const answer = await app.call.node().result();
  if (answer.ok) { for (const watcher of watchers) watcher(answer.value); }
}

function showNode({ name, runtime, version }: Node): void {
  element("runtime", HTMLElement).textContent = `${runtime} ${version}`;
  const label = element("node", HTMLElement);
  label.textContent = name === undefined ? "" : `node ${name}, ${runtime}`;
  label.hidden = name === undefined;
}

/**
 * Runs a stream for as long as the connection can come back: where it breaks off it is called again, since a stream is never resumed in silence.
 */
export async function forever(run: () => Promise<void>): Promise<void> {
  while (app.state.status !== "closed") {
    try {
      await run();
    } catch {
      // The state at the top of the page says why.
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    await app.ready().catch(() => {});
  }
}
