import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inRanges, rangeProblem, readAddress } from '../../../main/policy/address-range.ts';

const lies = (range: string, address: string) => {
  const read = readAddress(address);
  return read !== null && inRanges([range])([read]);
};

describe('a range of addresses', () => {
  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.8', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.168.1.8/31', '192.168.1.9', true],
    ['192.168.1.8/31', '192.168.1.10', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', 'fe80::1%eth0', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::/0', '10.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:0b01:0203', false],
  ])('%s and %s: %s', (range, address, expected) => {
    expect(rangeProblem(range)).toBeNull();
    expect(lies(range, address)).toBe(expected);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0/8',
    '010.0.0.0/8',
    '10.0.0.256',
    '::/129',
    ':::/8',
    '1::2::3',
    '::ffff:10.0.0.0/104',
    'fe80::1%eth0/64',
    'acme',
    '',
    '/8',
    '10.0.0.0/8/8',
    '1:2:3:4:5:6:7:8::',
  ])('cannot be %s', (range) => {
    expect(rangeProblem(range)).not.toBeNull();
  });

  it('takes for an address what the system takes for one', () => {
    const any = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-f:.]{1,20}$/),
      fc.stringMatching(/^(([0-9]{1,3}|0x1|)\.){3}[0-9]{1,3}$/),
    );
    fc.assert(
      fc.property(any, (text) => {
        expect(readAddress(text) !== null).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
