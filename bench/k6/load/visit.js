// A client that comes, does one thing and goes: an iteration of an arrival-rate executor.
import { MillraceClient, valueOf } from "../wire/millrace.js";
import { isSame, smallValue } from "../wire/values.js";
import { complain, failed, lost, refused, violated, visit, visits } from "./metrics.js";
import { url } from "./settings.js";

/** Longest that a visit may take. */
const PATIENCE = 5_000;

/** Connects, makes one small call, checks its answer and leaves. */
export function callOnce(number) {
  visitor((client, done) => {
    const value = smallValue(number);
    client.call("echo", value, ({ error, payload }) => {
      done(error === undefined && isSame(valueOf(payload), value));
    });
  });
}

/** Connects, reads the feed, publishes an item, takes one, stops the stream and leaves. */
export function readOnce(number) {
  visitor((client, done) => {
    let stream = 0;
    let taken = 0;
    client.stream("feed", undefined, {
      opened: (opened) => {
        stream = opened;
        client.call("publish", `visit ${number}`, ({ error }) => error === undefined || done(false));
      },
      item: () => {
        if (++taken === 1) client.stop(stream);
      },
      ended: () => done(taken > 0),
    });
  });
}

function visitor(run) {
  const begun = Date.now();
  let isDone = false;
  const patience = setTimeout(() => done(false), PATIENCE);
  const done = (correct) => {
    if (isDone) return;
    isDone = true;
    clearTimeout(patience);
    if (correct) visits.add(1);
    else failed.add(1);
    visit.add(Date.now() - begun);
    client.close();
  };
  const client = new MillraceClient(url, {
    ready: () => run(client, done),
    closed: ({ code, reason, opened }) => {
      clearTimeout(patience);
      if (isDone) return;
      isDone = true;
      complain(`a visit ended with ${code} ${reason}`);
      if (opened) lost.add(1);
      else refused.add(1);
    },
    violated,
  });
}
