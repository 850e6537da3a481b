// Lists files of the checkout.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

/**
 * The files under a folder of the checkout whose path fits, sorted, relative to the checkout and with `/`.
 * Empty where there is no such folder; `node_modules` and hidden folders are left out.
 *
 * @param {string} folder
 * @param {RegExp} fits
 * @returns {string[]}
 */
export function filesUnder(folder, fits) {
  if (!existsSync(join(root, folder))) return [];
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "node_modules" || entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) found.push(...filesUnder(path, fits));
    else if (fits.test(path)) found.push(path);
  }
  return found.sort();
}
