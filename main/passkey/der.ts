/**
 * DER (X.690), as far as certificates need it: one element at a time, strictly, so that no two readings of the same bytes are possible.
 * It never guesses: indefinite lengths, long forms of short lengths and bytes left over are flaws.
 */
import { Flaw } from './flaw.ts';

export interface Der {
  /** Context-specific rather than universal; other classes are a flaw. */
  context: boolean;
  tag: number;
  constructed: boolean;
  content: Buffer;
  /** Tag and length included. */
  whole: Buffer;
}

export const tags = { boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, enumerated: 10, sequence: 16, set: 17 } as const;
const texts: readonly number[] = [12, 19, 20, 22, 30];

/** The one element that `bytes` are. @throws Flaw shape */
export function readDer(bytes: Buffer): Der {
  const [only, ...more] = readDers(bytes);
  if (only === undefined || more.length > 0) throw new Flaw('shape');
  return only;
}

/** The elements that `bytes` are, one after the other. @throws Flaw shape */
export function readDers(bytes: Buffer): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = elementAt(bytes, at);
    found.push(next);
    at += next.whole.length;
  }
  return found;
}

/** What stands inside a SEQUENCE, or inside a context-specific wrapper. @throws Flaw shape */
export function inside(der: Der | undefined): Der[] {
  if (der === undefined || !der.constructed) throw new Flaw('shape');
  return readDers(der.content);
}

/** @throws Flaw shape: another kind of element */
export function contentOf(der: Der | undefined, tag: number): Buffer {
  if (der === undefined || der.context || der.tag !== tag) throw new Flaw('shape');
  return der.content;
}

/** A small INTEGER or ENUMERATED. @throws Flaw shape */
export function smallNumber(der: Der | undefined): number {
  if (der === undefined || der.context || (der.tag !== tags.integer && der.tag !== tags.enumerated)) throw new Flaw('shape');
  const { content } = der;
  if (content.length === 0 || content.length > 6) throw new Flaw('shape');
  return content.readIntBE(0, content.length);
}

/** Text in any of the string types of a name; null for anything else. @throws Flaw shape: half a character */
export function textOf(der: Der): string | null {
  if (der.context || !texts.includes(der.tag)) return null;
  // check: der-whole-characters
  if (der.tag === 30 && der.content.length % 2 !== 0) throw new Flaw('shape');
  // end check
  // BMPString; the others are ASCII, UTF-8, or a superset of ASCII that names hardly ever leave.
  return der.tag === 30 ? Buffer.from(der.content).swap16().toString('utf16le') : der.content.toString('utf8');
}

/** Dotted. @throws Flaw shape */
export function oidOf(der: Der | undefined): string {
  const bytes = contentOf(der, tags.oid);
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    if (value > 0x1fffff_ffff) throw new Flaw('shape');
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    arcs.push(value);
    value = 0;
  }
  const first = arcs.shift();
  if (first === undefined || ((bytes.at(-1) ?? 0) & 0x80) !== 0) throw new Flaw('shape');
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs].join('.');
}

function elementAt(bytes: Buffer, start: number): Der {
  let at = start;
  const next = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw new Flaw('shape');
    return byte;
  };
  const first = next();
  const tag = (first & 0x1f) === 0x1f ? longTag(next) : first & 0x1f;
  const length = lengthOf(next);
  if (at + length > bytes.length) throw new Flaw('shape');
  const kind = first >> 6;
  if (kind !== 0 && kind !== 2) throw new Flaw('shape');
  return {
    context: kind === 2,
    tag,
    constructed: (first & 0x20) !== 0,
    content: bytes.subarray(at, at + length),
    whole: bytes.subarray(start, at + length),
  };
}

/** Tags from 31 up, as Android's authorization lists have them; two bytes are as many as they need. */
function longTag(next: () => number): number {
  const high = next();
  if ((high & 0x80) === 0) {
    if (high < 31) throw new Flaw('shape');
    return high;
  }
  const low = next();
  if (high === 0x80 || (low & 0x80) !== 0) throw new Flaw('shape');
  return ((high & 0x7f) << 7) | low;
}

function lengthOf(next: () => number): number {
  const first = next();
  if (first < 0x80) return first;
  const count = first & 0x7f;
  // Indefinite, or longer than anything that is read here.
  if (count === 0 || count > 3) throw new Flaw('shape');
  let length = 0;
  for (let left = count; left > 0; left--) length = length * 256 + next();
  if (length < 0x80 || length < 256 ** (count - 1)) throw new Flaw('shape');
  return length;
}
