import { app } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { address } from "./inbox.ts";
import { colourOf, me } from "./me.ts";

/** How often a page says that it is here, and how long it is believed, in milliseconds. */
const [EVERY, BELIEVED] = [4_000, 10_000];

interface Person {
  readonly name: string;
  readonly hue: number;
  readonly gone: ReturnType<typeof setTimeout>;
}

const people = app.channel("people");
const here = new Map<string, Person>();
let own: string | undefined;

/** Shows who is here. Each page says so by signals, every few seconds. */
export function startPeople(): void {
  people.onSignal(({ id, name, hue, leaves }) => leaves ? leave(id) : come(id, { name, hue }));
  app.on("state", ({ status }) => status === "open" && void tell());
  setInterval(tell, EVERY);
  element("me", HTMLInputElement).addEventListener("change", () => {
    show();
    void tell();
  });
  addEventListener("pagehide", () => own && people.signal(mine(own, true)));
  show();
  void tell();
}

/** Others may wave at the address of this page's inbox, so that is what they know it by. */
async function tell(): Promise<void> {
  own ??= await address().catch(() => undefined);
  if (own !== undefined) people.signal(mine(own, false));
}

function mine(id: string, leaves: boolean) {
  return { id, name: me.name, hue: me.hue, leaves };
}

function come(id: string, { name, hue }: { name: string; hue: number }): void {
  const known = here.get(id);
  clearTimeout(known?.gone);
  here.set(id, { name, hue, gone: setTimeout(() => leave(id), BELIEVED) });
  if (known === undefined) void tell(); // so that who has come knows of this one at once
  if (known?.name !== name || known.hue !== hue) show();
}

function leave(id: string): void {
  clearTimeout(here.get(id)?.gone);
  if (here.delete(id)) show();
}

function show(): void {
  const others = [...here].sort(([, a], [, b]) => a.name.localeCompare(b.name));
  say("people-count", String(others.length + 1));
  element("people", HTMLUListElement).replaceChildren(
    make("li", { inside: [face(me.name, me.hue), make("span", { class: "muted", text: "you" })] }),
    ...others.map(([id, { name, hue }]) => {
      const button = make("button", {
        class: "quiet",
        text: "Wave",
        attributes: { type: "button", "aria-label": `Wave at ${name}` },
      });
      button.addEventListener("click", () => void wave(id, name));
      return make("li", { inside: [face(name, hue), button] });
    }),
  );
}

function face(name: string, hue: number): HTMLElement {
  const shown = make("b", { class: "person", text: name });
  shown.style.setProperty("--own", colourOf(hue));
  return shown;
}

/** The key makes it land once, however often it has to be sent. */
async function wave(to: string, name: string): Promise<void> {
  const key = crypto.getRandomValues(new Uint32Array(3)).join("-");
  try {
    await app.call.inbox.wave({ to, name: me.name, key }, { key });
    announce(`You waved at ${name}`);
  } catch (error) {
    announce(`${name} did not see it: ${short(error)}`);
  }
}
