import type { App } from "./app.ts";
import { asked, find, onSend, open, unique } from "../kit/page.ts";

const app = open<App>();
const stop = find<HTMLButtonElement>("stop");
const answer = find("answer");
let reading: { close(): void } | undefined;
let running: AbortController | undefined;

const begun = asked("read", "");
if (begun !== "") read(begun, "reading along");

// Who asks waits for the end, and reads the channel as all do: the call is there to be stopped.
onSend("ask", async () => {
  running?.abort();
  const abort = running = new AbortController();
  const id = unique();
  stop.disabled = false;
  history.replaceState(null, "", `?read=${id}`); // the page that is loaded anew reads it again
  read(id, "answering");
  try {
    await app.call.ask({ id, question: find<HTMLInputElement>("question").value }, { signal: abort.signal });
  } catch (error) {
    if (abort === running && !abort.signal.aborted) end((error as Error).message);
  } finally {
    if (abort === running) stop.disabled = true;
  }
});

stop.addEventListener("click", () => running?.abort());

/** Whenever one comes: what there is of the answer comes as one, then piece by piece what is added. After a lost connection that is the rest. */
function read(id: string, how: string): void {
  reading?.close();
  const came = { whole: 0, pieces: 0 };
  find<HTMLAnchorElement>("link").href = `?read=${id}`;
  find("link").classList.remove("hidden");
  answer.textContent = "";
  end(how);
  const whole = app.channel("answer/:id", { id }).subscribe({ rewind: 2 }, (event) => {
    if (event.type === "reset") return read(id, how); // away for longer than it is kept
    if (event.type === "append") {
      answer.append(String(event.piece));
      came.pieces++;
    } else if (event.type === "edit" || event.type === "message") {
      if (typeof event.data !== "string") return end(event.data.end);
      answer.textContent = event.data;
      came.whole++;
    }
    find("came").textContent = `as ${came.whole} whole and ${came.pieces} pieces`;
  });
  whole.ready().catch((error) => end(error.message));
  reading = whole;
}

function end(how: string): void {
  find("outcome").textContent = how;
}
