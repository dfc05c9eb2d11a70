/** Equal values have one spelling, different ones two, and nothing is guessed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../main/passkey/canonical-json.ts';
import { tapChallenge } from '../../../main/passkey/ceremonies.ts';

/** The same value with the members of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, reordered(member)] as const);
  return Object.fromEntries(members.reverse());
}

describe('canonical JSON', () => {
  it.each([
    [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: 2 }, '{"b":2}'],
    [{ é: 1, z: 2, Z: 3, '': 4 }, '{"":4,"Z":3,"z":2,"é":1}'],
    [{ '10': 'ten', '9': 'nine' }, '{"10":"ten","9":"nine"}'],
    [-0, '0'],
    [1e21, '1e+21'],
    ['\u0000"\ud800', '"\\u0000\\"\\ud800"'],
    [[], '[]'],
  ])('writes %j as %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('is the same for equal values, whatever the order of their members', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => canonicalJson(reordered(value)) === canonicalJson(value)));
  });

  it('is JSON of the same value, so that different values are written differently', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  it.each([
    ['nothing', undefined],
    ['a hole in a list', [1, undefined]],
    ['an empty place in a list', new Array(2)],
    ['NaN', { a: Number.NaN }],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a bigint', { a: 1n }],
    ['a Date', { a: new Date(0) }],
    ['a Buffer', Buffer.from('x')],
    ['a Map', new Map()],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['itself', cycle],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });
});

describe('the challenge of a tap', () => {
  it('differs with every nonce and with every value', () => {
    const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const challenges = [tapChallenge(one, { a: 1 }), tapChallenge(one, { a: 2 }), tapChallenge(two, { a: 1 })];
    expect(new Set(challenges.map((challenge) => challenge.toString('hex'))).size).toBe(3);
    expect(challenges[0]).toHaveLength(32);
    expect(tapChallenge(one, { a: 1 })).toEqual(challenges[0]);
  });
});
