/**
 * One spelling for each JSON value, so that equal values have equal hashes: keys sorted by UTF-16 code units, no white space, strings
 * and numbers as ECMAScript writes them (as RFC 8785 does). It never guesses: what JSON cannot hold is a bug of the caller.
 */

/** Deeper than anything we show; a cycle ends here. */
const DEEPEST = 32;

/**
 * Properties whose value is undefined are left out, as they are on the way to a page.
 *
 * @throws TypeError the value holds what JSON has no word for (a hole, NaN, a Date, a Buffer, a bigint …), or is too deep
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEEPEST) throw new TypeError('too deep for a JSON value of ours');
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (isPlainObject(value)) return `{${membersOf(value, depth).join(',')}}`;
  throw new TypeError('not a JSON value');
}

const membersOf = (object: Record<string, unknown>, depth: number): string[] =>
  Object.keys(object)
    .filter((name) => object[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(object[name], depth + 1)}`);

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
