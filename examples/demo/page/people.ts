import type { PresenceView } from "../../../client/mod.ts";
import { app } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { short } from "./failure.ts";
import { colourOf, me } from "./me.ts";

const people = app.channel("people");
type View = PresenceView<{ name: string; hue: number }>;
type User = View["users"][number];

/** The member that this page is, once the server has said so. */
let own: string | undefined;
let here: View | undefined;

/** Shows who is here. This page is, until it is left. */
export function startPeople(): void {
  people.presence.watch((view) => {
    here = view;
    show();
  });
  element("me", HTMLInputElement).addEventListener("change", enter);
  addEventListener("pagehide", () => void people.presence.leave().catch(() => {}));
  addEventListener("pageshow", enter);
  show();
}

function enter(): void {
  show();
  people.presence.enter({ name: me.name, hue: me.hue }).then((id) => {
    own = id;
    show();
  }, (error) => announce(`Others do not see you: ${short(error)}`));
}

/** Several windows of one visitor are one person. */
function show(): void {
  const isOwn = ({ members }: User) => members.some(({ id }) => id === own);
  const users = here?.users ?? [];
  const others = users.filter((user) => !isOwn(user)).map((user) => ({ ...user, ...user.members[0]!.data }))
    .sort((a, b) => a.name.localeCompare(b.name));
  say("people-count", here?.isSample ? `about ${here.count}` : String(others.length + 1));
  element("people", HTMLUListElement).replaceChildren(
    person(me, users.find(isOwn), make("span", { class: "muted", text: "you" })),
    ...others.map((other) => {
      const button = make("button", {
        class: "quiet",
        text: "Wave",
        attributes: { type: "button", "aria-label": `Wave at ${other.name}` },
      });
      button.addEventListener("click", () => void wave(other.user!, other.name));
      return person(other, other, button);
    }),
  );
}

function person(
  { name, hue }: { name: string; hue: number },
  user: User | undefined,
  last: Node,
): HTMLElement {
  const windows = user?.members.length ?? 1;
  const count = windows > 1 ? [make("span", { class: "muted", text: `${windows} windows` })] : [];
  return make("li", { inside: [face(name, hue), ...count, last] });
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
