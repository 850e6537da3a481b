import { app } from "./connection.ts";
import { announce, element, say } from "./element.ts";
import { short } from "./failure.ts";
import { watchFigures } from "./figures.ts";
import { digest, generated, pieces } from "./pieces.ts";
import { count, duration, size } from "./text.ts";

/** What is known of an upload on its way. */
interface Upload {
  readonly file: File;
  readonly abort: AbortController;
  given: number;
  received: number;
  /** How long small calls took meanwhile, in milliseconds. */
  readonly calls: number[];
}

let running: Upload | undefined;

/** Makes the panel work. */
export function startUpload(): void {
  const input = element("file", HTMLInputElement);
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file !== undefined) void upload(file);
  });
  element("generate", HTMLButtonElement).addEventListener("click", () => void upload(generated()));
  element("upload-cancel", HTMLButtonElement).addEventListener("click", () => running?.abort.abort());
}

async function upload(file: File): Promise<void> {
  if (running !== undefined) return;
  const now: Upload = running = { file, abort: new AbortController(), given: 0, received: 0, calls: [] };
  const ticket = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const figures = watchFigures();
  const started = performance.now();
  busy(true);
  say("upload-outcome", `Sending ${file.name}, ${size(file.size)}.`);
  announce(`Upload of ${size(file.size)} started`);
  const progress = app.call.files.progress({ ticket });
  const beside = Promise.all([followProgress(now, progress), callMeanwhile(now)]);
  const show = setInterval(() => showProgress(now, figures()), 100);
  try {
    const given = pieces(file, (bytes) => now.given += bytes);
    const answer = await app.call.files.receive({ name: file.name, ticket }, given, {
      signal: now.abort.signal,
    });
    now.received = answer.bytes;
    running = undefined;
    await succeed(file, { ...answer, ms: performance.now() - started });
  } catch (error) {
    running = undefined;
    say("upload-outcome", `Ended with ${short(error)} after ${size(now.given)}.`, "bad");
    announce(`Upload ended: ${short(error)}`);
  } finally {
    progress.cancel();
    clearInterval(show);
    await beside;
    showProgress(now, figures());
    busy(false);
  }
}

async function succeed(file: File, answer: { bytes: number; sha256: string; ms: number }): Promise<void> {
  const rate = size(answer.bytes / answer.ms * 1_000);
  const facts = `${count(answer.bytes)} bytes in ${
    duration(answer.ms)
  } (${rate}/s). SHA-256 ${answer.sha256}`;
  say("upload-outcome", facts, "good");
  announce(`Upload finished in ${duration(answer.ms)}`);
  const own = await digest(file);
  if (own === undefined) return;
  if (own === answer.sha256) say("upload-outcome", `${facts}, the same as this browser computes.`, "good");
  else say("upload-outcome", `${facts}, but this browser computes ${own}.`, "bad");
}

async function followProgress(now: Upload, progress: AsyncIterable<{ received: number }>): Promise<void> {
  try {
    for await (const { received } of progress) now.received = Math.max(now.received, received);
  } catch {
    // Cancelled with the upload, or lost with the connection: the upload itself says so.
  }
}

/** What the upload costs others: a small call every tenth of a second on the same connection. */
async function callMeanwhile(now: Upload): Promise<void> {
  while (running === now) {
    const started = performance.now();
    const answer = await app.call.add({ a: now.calls.length, b: 1 }).result();
    if (answer.ok) now.calls.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function showProgress(now: Upload, { heard, largest }: { heard: number; largest: number }): void {
  const share = (bytes: number) => now.file.size === 0 ? 100 : Math.min(100, bytes / now.file.size * 100);
  element("track-sent", HTMLElement).style.width = `${share(now.given)}%`;
  element("track-received", HTMLElement).style.width = `${share(now.received)}%`;
  element("track", HTMLElement).setAttribute("aria-valuenow", String(Math.floor(share(now.received))));
  say("upload-sent", `${size(now.given)} of ${size(now.file.size)}`);
  say("upload-received", `${size(now.received)}, ${share(now.received).toFixed(0)} %`);
  say("upload-figures", `${count(heard)} came, ${duration(largest)} apart at most`);
  const calls = [...now.calls].sort((a, b) => a - b);
  const middle = calls[calls.length >> 1];
  if (middle === undefined) return;
  say(
    "upload-calls",
    `${count(calls.length)} calls, ${duration(middle)} typical, ${duration(calls.at(-1)!)} at most`,
  );
}

function busy(yes: boolean): void {
  element("upload-cancel", HTMLButtonElement).disabled = !yes;
  element("generate", HTMLButtonElement).disabled = yes;
  element("file", HTMLInputElement).disabled = yes;
}
