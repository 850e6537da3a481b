// The topic of the JSON RPC by hand, for frameworks that have topics of their own.
import { small } from "./procedures.ts";

/** What a framework has for channels of its own; here there is one. */
export interface Topic {
  subscribe(): void;
  publish(text: string): void;
}

/** `[7, id]` subscribes, `[8, id, value]` publishes: subscribers get `[9, value]`. Returns the answer. */
export function channel([kind, id, value]: unknown[], topic?: Topic): unknown {
  if (topic === undefined || !Number.isSafeInteger(id)) return [0, 0, "no such method"];
  if (kind === 7) {
    topic.subscribe();
  } else {
    const { success, data } = small.safeParse(value);
    if (!success) return [0, id, "bad input"];
    topic.publish(JSON.stringify([9, data]));
  }
  return [2, id, null];
}
