// A profile of V8 or JavaScriptCore as shares of its busy samples.

/** Where a sample is when nothing runs. */
const IDLE = ["(idle)", "(root)"];

/**
 * Shares of the busy samples by the function that was running, and by the module that it stands in, largest first.
 *
 * @param {{ nodes: object[], samples: number[] }} profile  @param {string} root  of the repository
 * @returns {{ samples: number, modules: [string, number][], functions: [string, number][] }}
 */
export function shares({ nodes, samples }, root) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const busy = samples.map((id) => frames.get(id)).filter(({ functionName }) => !IDLE.includes(functionName));
  const by = (key) => {
    const counts = new Map();
    for (const frame of busy) counts.set(key(frame), (counts.get(key(frame)) ?? 0) + 1);
    return [...counts].map(([name, count]) => [name, count / busy.length]).sort((a, b) => b[1] - a[1]);
  };
  const module = (frame) => moduleOf(frame, root);
  const named = (frame) => `${frame.functionName || "(anonymous)"}  ${module(frame)}:${frame.lineNumber + 1}`;
  return { samples: busy.length, modules: by(module), functions: by(named) };
}

/** A file of ours by its path, a package by its name, what is the runtime's by its module or as "native". */
function moduleOf({ functionName, url }, root) {
  if (functionName === "(garbage collector)") return "collector";
  if (url === "") return "native";
  const path = url.replace("file://", "");
  const packaged = /node_modules\/(?!.*node_modules\/)((?:@[^/]+\/)?[^/]+)/.exec(path);
  if (packaged !== null) return packaged[1];
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
