/** Ranges of addresses (RFC 4632, RFC 4291) as a policy names them. Addresses are compared as numbers, never as text. */

interface Address {
  bits: 32 | 128;
  value: bigint;
}

/** An IPv4 address, or an IPv6 one without or with its zone; an IPv4-mapped one is the IPv4 address it maps. null: neither. */
export function readAddress(text: string): Address | null {
  const four = readFour(text);
  if (four !== null) return { bits: 32, value: four };
  const six = readSix(text.split('%', 1)[0] ?? '');
  if (six === null) return null;
  return six >> 32n === 0xffffn ? { bits: 32, value: six & 0xffff_ffffn } : { bits: 128, value: six };
}

function readFour(text: string): bigint | null {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})(?:\.|$)){4}(?<!\.)$/.test(text)) return null;
  const bytes = text.split('.').map(Number);
  return bytes.some((byte) => byte > 255) ? null : bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** RFC 4291 section 2.2: eight groups; one `::` for the zeros; the last two groups may be an IPv4 address. */
function readSix(text: string): bigint | null {
  if (text.length > 45 || text.split('::').length > 2) return null;
  const [head, tail] = text.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const whole = [...(head ?? []), ...(tail ?? [])];
  const four = whole.at(-1)?.includes('.') === true ? readFour(whole.at(-1) ?? '') : undefined;
  if (four === null) return null;
  const groups = (four === undefined ? whole : whole.slice(0, -1)).map((group) =>
    /^[0-9a-f]{1,4}$/i.test(group) ? BigInt(`0x${group}`) : null,
  );
  if (groups.includes(null)) return null;
  const numbers = [...(groups as bigint[]), ...(four === undefined ? [] : [four >> 16n, four & 0xffffn])];
  const zeros = 8 - numbers.length;
  if (tail === undefined ? zeros !== 0 : zeros < 1) return null;
  const before = tail === undefined ? 8 : (head?.length ?? 0);
  const filled = [...numbers.slice(0, before), ...Array<bigint>(zeros).fill(0n), ...numbers.slice(before)];
  return filled.reduce((value, group) => (value << 16n) | group, 0n);
}

interface Range extends Address {
  /** Bits that are compared. */
  prefix: number;
}

function readRange(text: string): Range | null {
  const [address, length, ...more] = text.split('/');
  const read = readAddress(address ?? '');
  if (read === null || more.length > 0 || address?.includes('%') === true) return null;
  if (length === undefined) return { ...read, prefix: read.bits };
  // A mapped range would change its meaning with its length: write the IPv4 range.
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > read.bits || (address?.includes(':') === true) !== (read.bits === 128))
    return null;
  return { ...read, prefix: Number(length) };
}

/** What is wrong with a range, for whoever wrote it; null: nothing. */
export const rangeProblem = (text: string): string | null =>
  readRange(text) === null ? 'write a range such as 10.0.0.0/8 or 2001:db8::/32' : null;

/** Whether an address lies in any of the ranges. */
export function inRanges(ranges: readonly string[]): (addresses: readonly Address[]) => boolean {
  const read = ranges.flatMap((text) => readRange(text) ?? []);
  return (addresses) => addresses.some((address) => read.some((range) => lies(address, range)));
}

const lies = (address: Address, { bits, prefix, value }: Range): boolean => {
  const ignored = BigInt(bits - prefix);
  return address.bits === bits && address.value >> ignored === value >> ignored;
};
