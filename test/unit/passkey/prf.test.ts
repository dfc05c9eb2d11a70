/** What opens the vault comes out of a key only with a proven touch and a verified user. */
import { describe, expect, it } from 'vitest';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import type { SoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { enrol, enrolled, ORIGIN, touch, verdict } from './setting.ts';

const bound = { kind: 'unlock', nonce: 'n' };
const begin = (keys: TapKeys, more: Partial<Parameters<TapKeys['beginTap']>[0]> = {}) =>
  keys.beginTap({ origin: ORIGIN, bound, userVerification: 'preferred', prf: true, ...more });

async function unlock(keys: TapKeys, key: SoftwareKey) {
  const begun = await begin(keys);
  return keys.finishTap(begun.id, touch(key, begun.options), bound);
}

describe('the PRF output of a key', () => {
  it('is 32 bytes, the same at every touch and after a restart, and another for each key', async () => {
    const { keys, key, start } = await enrolled();
    const { key: second } = await enrol(keys);
    const [first, again, other] = [await unlock(keys, key), await unlock(await start(), key), await unlock(await start(), second)];
    expect(first.prf).toHaveLength(32);
    expect(again.prf).toEqual(first.prf);
    expect(other.prf).not.toEqual(first.prf);
    expect(first.touch.userVerified).toBe(true);
  });

  it('is asked for under the salt of each key that can seal, with user verification', async () => {
    const { keys } = await enrolled();
    await enrol(keys, { prf: false });
    await enrol(keys, { uv: false });
    const { options } = await begin(keys);
    const [{ id } = { id: '' }] = options['allowCredentials'] as { id: string }[];
    expect(options).toMatchObject({
      userVerification: 'required',
      allowCredentials: [expect.objectContaining({ id })],
      extensions: { prf: { evalByCredential: { [id]: { first: expect.stringMatching(/^[\w-]{43}$/) } } } },
    });
    expect(options['allowCredentials']).toHaveLength(1);
  });

  it('cannot be asked for where no key can seal', async () => {
    const { keys } = await enrolled({ prf: false });
    expect(await verdict(begin(keys))).toBe('TAP_REFUSED key');
  });

  it('is not taken where it was not asked for', async () => {
    const { keys, key } = await enrolled();
    const { options } = await begin(keys);
    const begun = await begin(keys, { prf: false });
    expect(begun.options['extensions']).toBeUndefined();
    const answer = touch(key, { ...begun.options, extensions: options['extensions'] });
    expect(answer.clientExtensionResults['prf']).toBeDefined();
    expect((await keys.finishTap(begun.id, answer, bound)).prf).toBeNull();
  });

  it('is nothing where the browser gave none', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys);
    const answer = touch(key, begun.options);
    expect((await keys.finishTap(begun.id, { ...answer, clientExtensionResults: {} }, bound)).prf).toBeNull();
  });

  it('is given to nobody without a verified user', async () => {
    const { keys, key } = await enrolled({ hostile: true });
    key.uv = false;
    expect(await verdict(unlock(keys, key))).toBe('TAP_REFUSED verification');
  });

  it('is given to nobody with a claim alone', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys);
    const answer = touch(key, begun.options);
    const unsigned = { ...answer, response: { ...answer.response, signature: 'AAAA' } };
    expect(await verdict(keys.finishTap(begun.id, unsigned, bound))).toBe('TAP_REFUSED response');
  });

  it('is wiped where the touch cannot be recorded', async () => {
    const { keys, key, audit } = await enrolled();
    const begun = await begin(keys);
    audit.fail();
    const wiped: Buffer[] = [];
    const fill = Buffer.prototype.fill;
    Buffer.prototype.fill = function spied(this: Buffer, ...args: Parameters<typeof fill>) {
      if (this.length === 32 && args[0] === 0) wiped.push(this);
      return Reflect.apply(fill, this, args) as Buffer;
    } as typeof fill;
    try {
      expect(await verdict(keys.finishTap(begun.id, touch(key, begun.options), bound))).toBe('AUDIT_UNWRITABLE');
    } finally {
      Buffer.prototype.fill = fill;
    }
    expect(wiped).toHaveLength(1);
  });
});
