/**
 * Reads the kernel's table of TCP sockets (`/proc/net/tcp`, `/proc/net/tcp6`) as bytes come in and picks out the rows that
 * are sought. It must never guess: whatever is not exactly a row of the right shape, between two loopback ends of one kind, in a
 * state in which a process can still own the socket, does not exist.
 */
import { endianness } from 'node:os';

/** Both ends of a connection, seen from the peer: the row's local port is `peerPort`, its remote port is `ourPort`. */
export interface Connection {
  ourPort: number;
  peerPort: number;
  /** Both ends are ::1 in place of 127.0.0.1. */
  v6?: boolean | undefined;
}

export type Family = 'tcp' | 'tcp6';

/** Beyond every pair of ports, so that a connection of ::1 is never taken for one of 127.0.0.1 with the same ports. */
const V6 = 2 ** 32;

/** One number for a pair of ports, so that a row is looked up without making a string. */
export const keyOf = ({ ourPort, peerPort, v6 = false }: Connection): number => ourPort * 65_536 + peerPort + (v6 ? V6 : 0);

/** Whether a connection of that key can stand in that table. */
export const mayBeIn = (family: Family, key: number): boolean => family === 'tcp6' || key < V6;

// The kernel prints an address as 32-bit words in the machine's own byte order. A client such as Java opens an IPv6 socket
// even for 127.0.0.1; its row stands in tcp6 as the IPv4-mapped ::ffff:127.0.0.1 (RFC 4291 section 2.5.5.2).
const littleEndian = endianness() === 'LE';
const LOOPBACK = littleEndian ? '0100007F' : '7F000001';
const MAPPED = `${'0'.repeat(16)}${littleEndian ? 'FFFF0000' : '0000FFFF'}${LOOPBACK}`;
const LOOPBACK_V6 = `${'0'.repeat(24)}${littleEndian ? '01000000' : '00000001'}`;
const addressLengths: Record<Family, number> = { tcp: LOOPBACK.length, tcp6: MAPPED.length };

// ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT: the states of a connection we accepted and whose other end may still be held.
const ownedStates = new Set(['01', '04', '05', '08']);

/** What rows look like, and what is added to the key of each kind. */
const rowKinds: Record<Family, readonly { pattern: RegExp; added: number }[]> = {
  tcp: [{ pattern: rowPattern(LOOPBACK), added: 0 }],
  tcp6: [
    { pattern: rowPattern(MAPPED), added: 0 },
    { pattern: rowPattern(LOOPBACK_V6), added: V6 },
  ],
};
const LONGEST_LINE = 512;
const NEWLINE = 10;
const COLON = 58;
const SPACE = 32;

export interface Owner {
  uid: number;
  /** Decimal, as in the link `socket:[INODE]` of every process that holds the socket. */
  inode: string;
}

export interface RowReader {
  /** Takes the next bytes of the table; a row may be torn anywhere. */
  push(bytes: Buffer): void;
  /** What was found; null where the socket has no owner any more (the kernel then shows uid 0). */
  readonly found: ReadonlyMap<number, Owner | null>;
}

/** @param sought keys of the connections to look for, as `keyOf` makes them */
export function createRowReader(family: Family, sought: ReadonlySet<number>): RowReader {
  const found = new Map<number, Owner | null>();
  const addressLength = addressLengths[family];
  let torn: Buffer = Buffer.alloc(0);
  let overlong = false;

  function readLine(bytes: Buffer, start: number, end: number): void {
    const ports = keyOfRow(bytes, start, end, addressLength);
    if (ports === null) return;
    for (const { pattern, added } of rowKinds[family]) {
      const key = ports + added;
      if (!sought.has(key)) continue;
      const owner = readOwner(pattern.exec(bytes.toString('latin1', start, end)));
      if (owner !== undefined) found.set(key, owner);
    }
  }

  return {
    found,
    push(chunk) {
      const bytes = torn.length === 0 ? chunk : Buffer.concat([torn, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE, start); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        if (!overlong) readLine(bytes, start, end);
        overlong = false;
        start = end + 1;
      }
      overlong ||= bytes.length - start > LONGEST_LINE;
      // A copy: the caller reads the next piece into the same memory.
      torn = overlong ? Buffer.alloc(0) : Buffer.from(bytes.subarray(start));
    },
  };
}

function rowPattern(address: string): RegExp {
  const end = `${address}:[0-9A-F]{4}`;
  const queuesAndTimers = '[0-9A-F]{8}:[0-9A-F]{8} [0-9A-F]{2}:[0-9A-F]{8} [0-9A-F]{8}';
  return new RegExp(`^ *\\d+: ${end} ${end} ([0-9A-F]{2}) ${queuesAndTimers} +(\\d{1,10}) +\\d+ (\\d+) \\d+ [0-9a-f]{8,16}(?: -?\\d+)* *$`);
}

/** undefined: not a row we can use. null: nobody owns the socket. */
function readOwner(row: RegExpExecArray | null): Owner | null | undefined {
  if (row === null) return undefined;
  const [, state = '', uid = '', inode = ''] = row;
  // check: peer-row-state
  if (!ownedStates.has(state)) return undefined;
  // end check
  // check: peer-orphan
  if (/^0+$/.test(inode)) return null;
  // end check
  return { uid: Number(uid), inode };
}

/** The two ports at their fixed places, without making a string: nearly every row of a busy machine is somebody else's. */
function keyOfRow(bytes: Buffer, start: number, end: number, addressLength: number): number | null {
  let at = start;
  while (at < end && bytes[at] !== COLON) at++;
  const local = at + 2 + addressLength;
  const remote = local + 6 + addressLength;
  if (remote + 5 > end || bytes[local] !== COLON || bytes[remote] !== COLON || bytes[local + 5] !== SPACE) return null;
  const peerPort = hex4(bytes, local + 1);
  const ourPort = hex4(bytes, remote + 1);
  return peerPort < 0 || ourPort < 0 ? null : keyOf({ ourPort, peerPort });
}

const hexDigits = new Int8Array(256).fill(-1);
for (const [value, digit] of [...'0123456789ABCDEF'].entries()) hexDigits[digit.charCodeAt(0)] = value;

/** Negative where one of the four bytes is not a digit. */
function hex4(bytes: Buffer, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index++) {
    const digit = hexDigits[bytes[index] ?? 0] ?? -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
