// Where replies of Redis end (RESP2 and RESP3): what has to be known to leave one out.

/** What is followed by so many bytes, and by so many replies. */
const BYTES = "$=!";
const REPLIES = "*~>";
const PAIRS = "%|";

/** Where the reply that begins at `at` ends; -1 while it is incomplete. */
export function replyEnd(bytes: Buffer, at: number): number {
  for (let left = 1; left > 0; left--) {
    const end = at < bytes.length ? bytes.indexOf("\r\n", at) : -1;
    if (end < 0) return -1;
    const type = String.fromCharCode(bytes[at]!);
    const count = Number(bytes.toString("latin1", at + 1, end));
    at = end + 2;
    if (count < 0) continue; // a null of RESP2, or a number
    if (BYTES.includes(type)) at += count + 2;
    else if (REPLIES.includes(type)) left += count;
    else if (PAIRS.includes(type)) left += 2 * count + (type === "|" ? 1 : 0);
    if (at > bytes.length) return -1;
  }
  return at;
}
