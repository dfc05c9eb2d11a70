/** A policy that wants a touched key is met by asking for the touch, and by nothing less. */
import { describe, expect, it } from 'vitest';
import { minutes } from '../../../main/units.ts';
import { grantRequestSchema } from '../../../preload/contract/control.ts';
import { codeOf, policyFrom, policyText, type Setting, setting, waiting, wordOf } from './setting.ts';

const touched = policyText('none', { more: ', when: [touched]', top: 'conditions: { touched: { tapKey: { maxAge: 30 min } } }' });
const touch = (all: Setting): void => {
  all.state.touches = [
    { keyId: 'key-1', name: 'Blue', aaguid: '0', attested: false, hardwareBound: true, userVerified: true, touchedAt: all.clock.now() },
  ];
};
const request = grantRequestSchema.parse({ binding: 'run', scopes: ['sql'] });

describe('a grant under a policy that wants a touched key', () => {
  it('is asked for with a tap although the policy asks for no approval, and made once the key was touched', async () => {
    const all = await setting(policyFrom(touched));
    const made = all.making.make(request, all.stranger('/usr/bin/node'), waiting());
    await all.clock.advance(0);
    expect(all.consents.front()?.ask.approval).toBe('tap');
    touch(all);
    await all.person.approves('tap');
    expect((await made).grant.approved).toBe('tap:key-1');
  });

  it('is not made by a yes without the touch', async () => {
    const all = await setting(policyFrom(touched));
    const made = codeOf(all.making.make(request, all.stranger('/usr/bin/node'), waiting()));
    await all.clock.advance(0);
    await all.person.approves('tap');
    expect(await made).toBe('TAP_NEEDED');
    expect(all.grants.list()).toEqual([]);
  });

  it('asks its own run again when the touch is too old, and serves it after the next', async () => {
    const all = await setting(policyFrom(touched));
    const { grant, caller } = await all.run();
    touch(all);
    expect(wordOf(all.access.leave(grant, caller))).toBe('yes');
    await all.clock.advance(minutes(31));
    const leave = all.access.leave(grant, caller);
    expect(wordOf(leave)).toBe('ask');
    touch(all);
    await all.person.approves('tap');
    expect(wordOf(all.access.leave(grant, caller))).toBe('yes');
  });

  it('asks nobody while the person is away', async () => {
    const all = await setting(policyFrom(touched));
    const { grant, caller } = await all.run();
    all.lock.away('screen-lock');
    expect(wordOf(all.access.leave(grant, caller))).toBe('TAP_NEEDED');
    expect(all.consents.view().asks).toEqual([]);
  });
});
