/** Ids of records: UUIDv7, so that they sort by time and stay unique when logs of many machines are put together. */

/** Random bytes of one id: 74 bits are used. */
const BYTES = 10;
/** Drawn at once; a call for each record would cost as much as its hash. */
const IDS_PER_DRAW = 128;

/** Returns the maker of ids; `at` is epoch milliseconds (RFC 9562 section 5.7). */
export function recordIds(random: (bytes: number) => Buffer): (at: number) => string {
  let drawn = '';
  let used = 0;
  return (at) => {
    if (used + 2 * BYTES > drawn.length) {
      drawn = random(BYTES * IDS_PER_DRAW).toString('hex');
      used = 0;
    }
    const noise = drawn.slice(used, used + 2 * BYTES);
    used += 2 * BYTES;
    const time = at.toString(16).padStart(12, '0').slice(-12);
    const variant = ((Number.parseInt(noise.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${noise.slice(0, 3)}-${variant}${noise.slice(4, 7)}-${noise.slice(7, 19)}`;
  };
}
