import { app, forever } from "./connection.ts";
import { announce, element, make, say } from "./element.ts";
import { describe, short } from "./failure.ts";
import { duration } from "./text.ts";
import { print } from "./values.ts";

/** Of this visit, so that the server's notes reach the page that caused them. */
const ticket = crypto.getRandomValues(new Uint32Array(2)).join("-");

let running: AbortController | undefined;

/** Makes the panel work. */
export function startFailures(): void {
  const gate = element("gate", HTMLSelectElement);
  const claim = (flight: string) => show(() => app.call.gates.claim({ gate: gate.value as "B1", flight }));
  on("claim", () => claim("AA 12"));
  on("invalid", () => claim("the one to Boston"));
  on(
    "missing",
    () => show(() => (app.call as unknown as { no: { such: () => Promise<unknown> } }).no.such()),
  );
  on("slow", () => void callSlow());
  on("deadline", () => void callSlow(800));
  on("slow-cancel", () => running?.abort());
  void forever(followNotes);
}

function on(id: string, run: () => void): void {
  element(id, HTMLButtonElement).addEventListener("click", run);
}

/** Shows how a call ends, whatever way that is. */
async function show(call: () => PromiseLike<unknown>): Promise<void> {
  const box = element("claim-result", HTMLElement);
  try {
    const value = await call();
    box.replaceChildren(make("h3", { text: "Answered" }), make("pre", { text: print(value) }));
    box.className = "result answered";
    announce("Gate claimed");
  } catch (error) {
    box.replaceChildren(...describe(error));
    box.className = "result failed";
    announce(`The call failed: ${short(error)}`);
  }
}

async function callSlow(timeout?: number): Promise<void> {
  if (running !== undefined) return;
  const abort = running = new AbortController();
  const started = performance.now();
  const passed = () => duration(performance.now() - started);
  const ticking = setInterval(() => say("slow-here", `waiting for ${passed()}`), 100);
  busy(true);
  say("slow-there", "nothing noted yet");
  try {
    const options = { signal: abort.signal, ...(timeout !== undefined && { timeout }) };
    const value = await app.call.slow({ seconds: 10, ticket }, options);
    end(`“${value}” after ${passed()}`, "good");
  } catch (error) {
    end(`${short(error)} after ${passed()}`, "bad");
  } finally {
    clearInterval(ticking);
    running = undefined;
    busy(false);
  }
}

function end(text: string, mood: "good" | "bad"): void {
  say("slow-here", text, mood);
  announce(`Slow call: ${text}`);
}

async function followNotes(): Promise<void> {
  for await (const { event, after } of app.call.journal({ ticket })) say("slow-there", noted(event, after));
}

function noted(event: "started" | "finished" | "aborted", after: number): string {
  if (event === "started") return "the handler started";
  if (event === "finished") return `the handler finished after ${duration(after)}`;
  return `the handler's signal aborted after ${duration(after)}, and it stopped`;
}

function busy(yes: boolean): void {
  element("slow", HTMLButtonElement).disabled = yes;
  element("deadline", HTMLButtonElement).disabled = yes;
  element("slow-cancel", HTMLButtonElement).disabled = !yes;
}
