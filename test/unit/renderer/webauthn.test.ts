import { describe, expect, it } from 'vitest';
import { errorName, withOutputs, withSalts } from '../../../renderer/pages/webauthn.ts';

const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;
const inside = (value: unknown): number[] => [...new Uint8Array(value as ArrayBuffer)];
type Prf = { eval?: { first?: unknown }; evalByCredential?: Record<string, { first?: unknown; second?: unknown }> };

describe('the salts of the PRF extension', () => {
  it('become buffers, for all keys and for each', () => {
    const options = {
      challenge: 'AAAA',
      extensions: { prf: { eval: { first: 'AQID' }, evalByCredential: { abc: { first: 'BAUG', second: '_-8' } } } },
    };
    const { prf } = withSalts(options)['extensions'] as { prf: Prf };
    expect(inside(prf.eval?.first)).toEqual([1, 2, 3]);
    expect(inside(prf.evalByCredential?.['abc']?.first)).toEqual([4, 5, 6]);
    expect(inside(prf.evalByCredential?.['abc']?.second)).toEqual([255, 239]);
  });

  it('are not made up where none were asked for', () => {
    for (const options of [{ challenge: 'AAAA' }, { extensions: { credProps: true } }, { extensions: { prf: {} } }]) {
      expect(withSalts(options)).toEqual(options);
    }
  });
});

describe('the outputs of the PRF extension', () => {
  const response = (clientExtensionResults: object) =>
    ({ id: 'x', rawId: 'x', type: 'public-key', response: {}, clientExtensionResults }) as unknown as Parameters<typeof withOutputs>[0];
  it.each([
    ['a buffer', bytes(1, 2, 3)],
    ['a view into a larger buffer', new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)],
  ])('become text, from %s', (_, first) => {
    expect(
      withOutputs(response({ prf: { enabled: true, results: { first } }, credProps: { rk: true } }))['clientExtensionResults'],
    ).toEqual({
      prf: { enabled: true, results: { first: 'AQID' } },
      credProps: { rk: true },
    });
  });

  it('stay away where the key gives none', () => {
    for (const results of [{}, { prf: { enabled: false } }, { credProps: { rk: true } }]) {
      expect(withOutputs(response(results))['clientExtensionResults']).toEqual(results);
    }
  });
});

describe('the name of an error', () => {
  it.each([
    [new DOMException('x', 'NotAllowedError'), 'NotAllowedError'],
    [new Error('wrapped', { cause: new DOMException('x', 'SecurityError') }), 'SecurityError'],
    [new TypeError('x'), 'TypeError'],
    ['words', 'other'],
  ])('of %s is %s', (error, name) => {
    expect(errorName(error)).toBe(name);
  });
});
