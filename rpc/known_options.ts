/**
 * Options that have no such name: types find them, but not in a program without types, where one that is misspelt would let everybody in, or concern everybody.
 *
 * @module
 */

/** The names that there are: all of `Options`, so that none is forgotten. */
export type NamesOf<Options> = { readonly [Name in keyof Options]-?: true };

/**
 * Refuses what has a name that is none.
 *
 * @param what What cannot be done then, as in "Cannot make the app".
 * @throws {TypeError} With the name.
 */
export function refuseUnknown<Options extends object>(
  what: string,
  given: Options | undefined,
  names: NamesOf<Options>,
): void {
  for (const name of Object.keys(given ?? {})) {
    if (!Object.hasOwn(names, name)) {
      throw new TypeError(`Cannot ${what}: there is no option named "${name}"`);
    }
  }
}
