/** Names become file names: no separator, no dot, nothing that a file system folds. */
export function requireName(name: string): void {
  // check: vault-name
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) throw new TypeError('not the name of a record');
  // end check
}
