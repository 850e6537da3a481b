import { onNode } from "./connection.ts";
import { announce, element, make } from "./element.ts";
import { some } from "./text.ts";

/** A node, as whoever stands before all of them sees it. */
interface Standing {
  readonly name: string;
  readonly runtime: string;
  readonly state: "down" | "starting" | "up" | "leaving";
  readonly sockets: number;
}

/** What is shown of a node. */
interface Row {
  readonly item: HTMLLIElement;
  readonly standing: HTMLElement;
  readonly buttons: Readonly<Record<"start" | "stop" | "kill", HTMLButtonElement>>;
}

/** How often the nodes are asked for, in milliseconds. */
const EVERY = 1_000;

const rows = new Map<string, Row>();
let here: string | undefined;

/** Shows the nodes, where the demo runs on several: who stands before them answers beside the app. */
export function startNodes(): void {
  onNode(({ name }) => {
    const isFirst = here === undefined;
    here = name;
    if (name === undefined) return;
    if (isFirst) setInterval(() => document.hidden || void look(), EVERY);
    void look();
  });
}

async function look(): Promise<void> {
  try {
    const { nodes, control } = await (await fetch("/nodes")).json() as {
      nodes: Standing[];
      control: boolean;
    };
    for (const node of nodes) show(node, control);
    element("nodes", HTMLElement).hidden = false;
  } catch {
    // Nobody stands there any more. The state at the top of the page says the rest.
  }
}

function show({ name, state, runtime, sockets }: Standing, control: boolean): void {
  const row = rows.get(name) ?? begin(name, runtime);
  row.item.dataset.state = state;
  row.standing.textContent = state === "up" ? tabs(sockets, name === here) : state;
  const { start, stop, kill } = row.buttons;
  start.hidden = !control || state !== "down";
  stop.hidden = kill.hidden = !control || state === "down";
  stop.disabled = state !== "up";
}

function tabs(sockets: number, isHere: boolean): string {
  if (!isHere) return some(sockets, "connection");
  return sockets > 1 ? `this tab + ${sockets - 1}` : "this tab";
}

function begin(name: string, runtime: string): Row {
  const button = (order: "start" | "stop" | "kill", text: string) => {
    const made = make("button", {
      text,
      attributes: { type: "button", "aria-label": `${text} node ${name}` },
    });
    made.addEventListener("click", () => void give(order, name));
    return made;
  };
  const buttons = {
    start: button("start", "Start"),
    stop: button("stop", "Stop"),
    kill: button("kill", "Kill"),
  };
  const standing = make("span", { class: "standing" });
  const about = make("div", {
    class: "about",
    inside: [make("b", { text: `Node ${name}` }), make("span", { text: runtime }), standing],
  });
  const item = make("li", {
    inside: [about, make("div", { class: "controls", inside: Object.values(buttons) })],
  });
  element("node-list", HTMLUListElement).append(item);
  const row = { item, standing, buttons };
  rows.set(name, row);
  return row;
}

/** `stop` lets the node tell its clients, and finish its calls; `kill` does not. */
async function give(order: "start" | "stop" | "kill", name: string): Promise<void> {
  const given = fetch(`/nodes/${name}/${order}`, { method: "POST" });
  void look();
  announce((await given).ok ? `Node ${name}: ${order} is done` : `Node ${name}: ${order} failed`);
  void look();
}
