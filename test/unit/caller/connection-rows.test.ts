import { describe, expect, it } from 'vitest';
import { createRowReader, type Family, keyOf } from '../../../main/caller/connection-rows.ts';

const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
const LOOP = '0100007F';
const MAPPED = `0000000000000000FFFF0000${LOOP}`;
const V6 = '00000000000000000000000001000000';
const OURS = 20_000;
const PEER = 40_000;

interface Row {
  from?: string;
  to?: string;
  peerPort?: number;
  ourPort?: number;
  state?: string;
  uid?: string;
  inode?: string;
}

/** A row as Linux prints it: padded to 149 characters and a newline. */
const row = ({ from = LOOP, to = LOOP, peerPort = PEER, ourPort = OURS, state = '01', uid = ' 1000', inode = '54321' }: Row = {}) =>
  `${`   3: ${from}:${hex(peerPort)} ${to}:${hex(ourPort)} ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 ${inode} 1 0000000000000000 20 4 30 10 -1`.padEnd(149)}\n`;

const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n';
const key = keyOf({ ourPort: OURS, peerPort: PEER });

function ownerIn(table: string, { family = 'tcp' as Family, step = 65_536 } = {}): number | null | undefined {
  const reader = createRowReader(family, new Set([key]));
  const bytes = Buffer.from(table, 'latin1');
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  const owner = reader.found.get(key);
  return owner === null ? null : owner?.uid;
}

describe('the table of TCP sockets', () => {
  it('says who owns the other end of a connection', () => {
    expect(ownerIn(HEADER + row({ peerPort: 5 }) + row() + row({ peerPort: 6 }))).toBe(1000);
  });

  it('says by which number processes hold the socket', () => {
    const reader = createRowReader('tcp', new Set([key]));
    reader.push(Buffer.from(HEADER + row({ inode: '18446744073709551615' })));
    expect(reader.found.get(key)).toEqual({ uid: 1000, inode: '18446744073709551615' });
  });

  it('knows an IPv4 connection made by an IPv6 socket, as Java makes it', () => {
    expect(ownerIn(row({ from: MAPPED, to: MAPPED }), { family: 'tcp6' })).toBe(1000);
  });

  it('keeps a connection of ::1 apart from one of 127.0.0.1 with the same ports', () => {
    const [four, six] = [false, true].map((v6) => keyOf({ ourPort: OURS, peerPort: PEER, v6 }));
    const reader = createRowReader('tcp6', new Set([four ?? 0, six ?? 0]));
    reader.push(Buffer.from(row({ from: V6, to: V6, uid: ' 1001' }) + row({ from: MAPPED, to: MAPPED, uid: ' 1002' })));
    expect([reader.found.get(six ?? 0)?.uid, reader.found.get(four ?? 0)?.uid]).toEqual([1001, 1002]);
  });

  it.each([
    [V6, MAPPED],
    [MAPPED, V6],
    [V6, '00000000000000000000000002000000'],
    [V6, '00000000000000000000000000000000'],
  ])('knows no connection from %s to %s', (from, to) => {
    const keys = [false, true].map((v6) => keyOf({ ourPort: OURS, peerPort: PEER, v6 }));
    const reader = createRowReader('tcp6', new Set(keys));
    reader.push(Buffer.from(row({ from, to })));
    expect([...reader.found]).toEqual([]);
  });

  it.each([1, 2, 7, 53, 149, 150, 151, 4096])('does not depend on where a read of %i bytes tears the rows', (step) => {
    expect(ownerIn(HEADER + row({ peerPort: 5 }) + row({ uid: '65534' }) + row({ peerPort: 6 }), { step })).toBe(65_534);
  });

  it.each(['01', '04', '05', '08'])('accepts state %s, in which a process may still hold the socket', (state) => {
    expect(ownerIn(row({ state }))).toBe(1000);
  });

  it.each(['00', '02', '03', '06', '07', '09', '0A', '0B', '0C', 'FF'])('does not accept a socket in state %s', (state) => {
    expect(ownerIn(row({ state }))).toBeUndefined();
  });

  it('says null for a socket without an owner, which the kernel shows as root’s', () => {
    expect(ownerIn(row({ uid: '    0', inode: '0', state: '05' }))).toBeNull();
  });

  it.each([
    ['nothing', ''],
    ['only a header', HEADER],
    ['a row torn at the end of the table', row().trimEnd()],
    ['a row torn in the middle', row().slice(0, 60)],
    ['the ends swapped', row({ peerPort: OURS, ourPort: PEER })],
    ['another local address', row({ from: '0200007F' })],
    ['another remote address', row({ to: '0200007F' })],
    ['lower-case digits', row({ from: LOOP.toLowerCase() })],
    ['a uid that is not a number', row({ uid: ' root' })],
    ['a negative uid', row({ uid: '   -1' })],
    ['a uid of eleven digits', row({ uid: '12345678901' })],
    ['an inode that is not a number', row({ inode: 'x' })],
    ['no uid at all', row({ uid: '', inode: '' })],
    ['a mapped row in the table of IPv4', row({ from: MAPPED, to: MAPPED })],
    ['words before the row', `evil ${row()}`],
    ['two rows run together', row().trimEnd() + row()],
    ['binary rubbish', '\0\xff:\n'.repeat(1000)],
  ])('finds nobody in %s', (_name, table) => {
    expect(ownerIn(table)).toBeUndefined();
  });

  it('finds nobody in a row of another family', () => {
    expect(ownerIn(row(), { family: 'tcp6' })).toBeUndefined();
    expect(ownerIn(row({ from: `${'0'.repeat(24)}${LOOP}`, to: `${'0'.repeat(24)}${LOOP}` }), { family: 'tcp6' })).toBeUndefined();
  });

  it('skips a line without end and reads on behind it', () => {
    const endless = 'A'.repeat(100_000);
    expect(ownerIn(`${endless}${row()}`, { step: 1000 })).toBeUndefined();
    expect(ownerIn(`${endless}\n${row()}`, { step: 1000 })).toBe(1000);
  });

  it('answers many who ask about different connections in one pass', () => {
    const sought = new Set([1, 2, 3].map((peerPort) => keyOf({ ourPort: OURS, peerPort })));
    const reader = createRowReader('tcp', sought);
    reader.push(Buffer.from(HEADER + row({ peerPort: 3, uid: ' 1003' }) + row({ peerPort: 1, uid: ' 1001' })));
    expect([...reader.found.values()].map((owner) => owner?.uid).sort()).toEqual([1001, 1003]);
  });
});
