/**
 * Reads the kernel's table of TCP sockets (`/proc/net/tcp`, `/proc/net/tcp6`) as bytes come in and picks out the rows that
 * are sought. It must never guess: whatever is not exactly a row of the right shape, between two IPv4 loopback ends, in a
 * state in which a process can still own the socket, does not exist.
 */
import { endianness } from 'node:os';

/** Both ends of a connection, seen from the peer: the row's local port is `peerPort`, its remote port is `ourPort`. */
export interface Connection {
  ourPort: number;
  peerPort: number;
}

export type Family = 'tcp' | 'tcp6';

/** One number for a pair of ports, so that a row is looked up without making a string. */
export const keyOf = ({ ourPort, peerPort }: Connection): number => ourPort * 65_536 + peerPort;

// The kernel prints an address as 32-bit words in the machine's own byte order. A client such as Java opens an IPv6 socket
// even for 127.0.0.1; its row stands in tcp6 as the IPv4-mapped ::ffff:127.0.0.1 (RFC 4291 section 2.5.5.2).
const littleEndian = endianness() === 'LE';
const LOOPBACK = littleEndian ? '0100007F' : '7F000001';
const addresses: Record<Family, string> = { tcp: LOOPBACK, tcp6: `${'0'.repeat(16)}${littleEndian ? 'FFFF0000' : '0000FFFF'}${LOOPBACK}` };

// ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT: the states of a connection we accepted and whose other end may still be held.
const ownedStates = new Set(['01', '04', '05', '08']);

const rowPatterns: Record<Family, RegExp> = { tcp: rowPattern(addresses.tcp), tcp6: rowPattern(addresses.tcp6) };
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
  const addressLength = addresses[family].length;
  let torn: Buffer = Buffer.alloc(0);
  let overlong = false;

  function readLine(bytes: Buffer, start: number, end: number): void {
    const key = keyOfRow(bytes, start, end, addressLength);
    if (key === null || !sought.has(key)) return;
    const owner = readOwner(rowPatterns[family].exec(bytes.toString('latin1', start, end)));
    if (owner !== undefined) found.set(key, owner);
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
