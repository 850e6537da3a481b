import type { App } from "./app.ts";
import { asked, find, onSend, open, unique } from "../kit/page.ts";

const app = open<App>();
const answer = find("answer");
const stop = find<HTMLButtonElement>("stop");
const read = asked("read", "");
let running: AbortController | undefined;

if (read !== "") lookOn(read);

// Who asks reads the stream of the call. When the connection is lost it goes on by itself where it was: each token comes once.
onSend("ask", async () => {
  running?.abort();
  const abort = running = new AbortController();
  const id = unique();
  begin(id);
  try {
    const question = find<HTMLInputElement>("question").value;
    for await (const token of app.call.ask({ id, question }, { signal: abort.signal })) {
      answer.append(token);
    }
    end("complete");
  } catch (error) {
    if (abort === running) end(abort.signal.aborted ? "stopped" : (error as Error).message);
  } finally {
    if (abort === running) stop.disabled = true;
  }
});

stop.addEventListener("click", () => running?.abort());

function begin(id: string): void {
  answer.replaceChildren();
  stop.disabled = false;
  const link = find<HTMLAnchorElement>("link");
  link.href = `?read=${id}`;
  link.target = "_blank";
  link.classList.remove("hidden");
  end("answering");
}

function end(how: string): void {
  find("outcome").textContent = how;
}

// Who looks on reads the channel, from the first token on whenever they come.
function lookOn(id: string): void {
  find("ask").classList.add("hidden");
  end("reading along");
  const whole = app.channel("answer/:id", { id }).subscribe({ rewind: 2_000 }, (event) => {
    if (event.type !== "message") return end("some of it is no longer kept");
    if ("token" in event.data) answer.append(event.data.token);
    else end(event.data.end);
  });
  whole.ready().catch((error) => end(error.message));
}
