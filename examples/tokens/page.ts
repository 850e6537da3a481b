import type { App } from "./app.ts";
import { asked, find, kept, onSend, open, unique } from "../kit/page.ts";

const app = open<App>({ token: kept("secret", unique) });
const stop = find<HTMLButtonElement>("stop");
const answer = find("answer");
const NOT_KEPT = "This answer is no longer kept.";
let reading: { close(): void } | undefined;
const isOwn = (id: string) => sessionStorage.getItem("asked") === id;
let shown = asked("read", "");

if (shown !== "") read(shown, isOwn(shown) ? "answering" : "reading along");

// Who asks reads the channel as all do.
onSend("ask", () => {
  if (!stop.disabled) stopIt();
  const id = unique();
  sessionStorage.setItem("asked", id);
  history.replaceState(null, "", `?read=${id}`); // the page that is loaded anew reads it again
  read(id, "answering", app.call.ask({ id, question: find<HTMLInputElement>("question").value }));
});

stop.addEventListener("click", stopIt);

/** By its name: a page that was loaded anew did not ask for it. */
function stopIt(): void {
  const id = shown;
  app.call.stop({ id }).catch((error) => over(id, error.message));
}

/** Whenever one comes: what there is of the answer comes as one, then piece by piece what is added. After a lost connection that is the rest. */
function read(id: string, how: string, ended?: Promise<void>): void {
  reading?.close();
  shown = id;
  const came = { whole: 0, pieces: 0 };
  find<HTMLAnchorElement>("link").href = `?read=${id}`;
  find("link").classList.remove("hidden");
  answer.textContent = "";
  find("outcome").textContent = how;
  stop.disabled = !isOwn(id);
  const channel = app.channel("answer/:id", { id });
  const subscription = channel.subscribe({ rewind: 2 }, (event) => {
    if (event.type === "reset") return read(id, how, ended); // away for longer than it is kept
    if (event.type === "append") {
      answer.append(String(event.piece));
      came.pieces++;
    } else if (event.type === "edit" || event.type === "message") {
      if (typeof event.data !== "string") return over(id, came.whole > 0 ? event.data.end : NOT_KEPT);
      answer.textContent = event.data;
      came.whole++;
    }
    find("came").textContent = `as ${came.whole} whole and ${came.pieces} pieces`;
  });
  reading = subscription;
  Promise.all([subscription.ready(), ended]).then(() => channel.history({ limit: 1 }))
    .then(({ oldest, position }) => oldest <= position.offset || over(id, NOT_KEPT))
    .catch((error) => over(id, error.message));
}

function over(id: string, how: string): void {
  if (id !== shown) return;
  find("outcome").textContent = how;
  stop.disabled = true;
}
