// A small call at a time, the next as soon as it is answered, while one upload fills the same connection.
import { Histogram } from "../histogram.mjs";
import { Caller } from "./unary.mjs";
import { blob } from "./values.mjs";

const MIB = 1024 * 1024;

/**
 * Its operations are MiB; its latency is that of the small calls.
 *
 * @param {{ mib: number, warmUpMib: number, piece: number }} job  how much to upload, in pieces of so many bytes
 * @param {{ dialects: object[], failure: Promise<never>, meter: () => () => object }} run
 */
export async function upload(job, { dialects: [dialect], failure, meter }) {
  await Promise.race([dialect.open("echo"), failure]);
  const small = { method: "echo", size: 0, inFlight: 1, perFrame: 1, number: 0 };
  const caller = new Caller(dialect, small);
  const piece = blob(job.piece, 1);
  const send = (mib) => Promise.race([uploadOnce({ dialect, caller, piece, bytes: mib * MIB }), failure]);
  caller.fill();
  await send(job.warmUpMib);
  const latency = new Histogram();
  caller.measure(latency);
  const stop = meter();
  await send(job.mib);
  const calls = latency.count;
  return { ...stop(), operations: job.mib, latency: latency.summary(), calls };
}

/** Resolves when the server has said that it has all of it. */
function uploadOnce({ dialect, caller, piece, bytes }) {
  return new Promise((resolve, reject) => {
    const id = caller.takeId();
    const answer = dialect.onAnswer;
    let left = bytes;
    dialect.onAnswer = (answered, from, start, end) => {
      if (answered !== id) return answer(answered, from, start, end);
      dialect.onAnswer = answer;
      const size = dialect.uploaded(from, start, end) ?? bytes;
      if (size === bytes) resolve();
      else reject(new Error(`${size} bytes of ${bytes} were uploaded`));
    };
    dialect.onRoom = () => {
      for (; left > 0 && dialect.room; left -= piece.length) {
        dialect.sendPiece();
        if (left === piece.length) dialect.endUpload();
      }
    };
    dialect.startUpload(id, piece);
    dialect.onRoom();
  });
}
