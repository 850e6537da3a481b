import { element, make } from "./element.ts";
import type { Frame } from "./tap.ts";
import { size, some } from "./text.ts";
import { hex } from "./values.ts";
import { type Part, takeApart, type Taken } from "./wire.ts";

/** Frames that are kept in view. */
const FRAMES = 60;

/** Bytes of a part that are shown. */
const SHOWN = 192;

let started = 0;
let opened = false;

/** Makes the list empty when asked to. */
export function startWire(): void {
  element("wire-clear", HTMLButtonElement).addEventListener("click", clearWire);
}

/** Empties the list. */
export function clearWire(): void {
  element("wire", HTMLOListElement).replaceChildren();
}

/** A call is about to be made: times count from here, and its first answer is shown open. */
export function markCall(): void {
  started = performance.now();
  opened = false;
}

/** Puts a frame on the list, taken apart. The bytes may be used again by the client, so they are copied here. */
export function showFrame({ direction, bytes }: Frame): void {
  const list = element("wire", HTMLOListElement);
  const messages = takeApart(bytes.slice());
  const way = direction === "up" ? "→ to the server" : "← from the server";
  const passed = performance.now() - started;
  list.append(make("li", {
    class: direction,
    inside: [
      make("p", {
        class: "frame",
        inside: [
          make("b", { text: way }),
          make("span", { text: `${size(bytes.byteLength)}, ${some(messages.length, "message")}` }),
          make("span", { text: `${passed.toFixed(1)} ms` }),
        ],
      }),
      ...messages.map((message) => showMessage(message, shouldOpen(direction, message))),
    ],
  }));
  while (list.childElementCount > FRAMES) list.firstElementChild!.remove();
}

/** The call itself, and its first answer. */
function shouldOpen(direction: "up" | "down", { kind }: Taken): boolean {
  if (direction === "up") return kind === "CALL";
  if (opened || !["RESULT", "ERROR", "ITEM"].includes(kind)) return false;
  return opened = true;
}

function showMessage({ kind, summary, parts }: Taken, open: boolean): HTMLElement {
  const details = make("details", {
    inside: [make("summary", { inside: [make("b", { text: kind }), " ", make("span", { text: summary })] })],
  });
  // Taken apart only when someone looks: a long stream is hundreds of messages.
  let filled = false;
  const fill = () => {
    if (!filled) details.append(showBytes(parts), showParts(parts));
    filled = true;
  };
  details.addEventListener("toggle", fill);
  if (open) {
    fill();
    details.open = true;
  }
  return details;
}

function showBytes(parts: readonly Part[]): HTMLElement {
  return make("code", {
    class: "hex",
    inside: parts.map(({ name, bytes }) =>
      make("span", { class: `part-${colour(name)}`, text: cut(bytes), attributes: { title: name } })
    ),
  });
}

function showParts(parts: readonly Part[]): HTMLElement {
  return make("ul", {
    class: "parts",
    inside: parts.map(({ name, says }) =>
      make("li", {
        inside: [
          make("i", { class: `part-${colour(name)}`, attributes: { "aria-hidden": "true" } }),
          make("span", { text: name }),
          make("code", { text: says }),
        ],
      })
    ),
  });
}

/** One colour for elements that mean the same, or never meet in a message. */
const COLOURS = [
  "array kind",
  "seq version number stream",
  "id session n",
  "method name code received group",
  "options flags limit remaining retryAfter",
  "payload bytes",
  "value",
].map((names) => names.split(" "));

function colour(name: string): number {
  return Math.max(0, COLOURS.findIndex((names) => names.includes(name)));
}

function cut(bytes: Uint8Array): string {
  if (bytes.byteLength <= SHOWN) return hex(bytes);
  return `${hex(bytes.subarray(0, SHOWN))} … ${bytes.byteLength - SHOWN} more`;
}
