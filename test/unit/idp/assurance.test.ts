import { describe, expect, it } from 'vitest';
import { assuranceOf, demandAcr, demandAssurance } from '../../../main/idp/assurance.ts';
import { minutes } from '../../../main/units.ts';
import { testProfile } from './profiles.ts';

const rules = (change: Record<string, unknown> = {}) => testProfile({ assurance: change }).assurance;

describe('assurance', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['acr phr with a key in amr', { acr: 'phr', amr: ['hwk', 'user', 'mfa'] }, {}, 'phr'],
    ['acr phrh with possession in amr', { acr: 'phrh', amr: ['pop'] }, {}, 'phr'],
    ['acr phr alone where the profile asks for no amr', { acr: 'phr' }, { phrAmr: [] }, 'phr'],
    ['acr phr without any amr', { acr: 'phr' }, {}, 'unknown'],
    ['acr phr with an empty amr', { acr: 'phr', amr: [] }, {}, 'unknown'],
    ['acr phr with amr as text', { acr: 'phr', amr: 'hwk' }, {}, 'unknown'],
    ['acr phr with several factors but no key', { acr: 'phr', amr: ['mfa', 'otp'] }, {}, 'mfa'],
    ['a key in amr without the acr', { amr: ['hwk'] }, {}, 'unknown'],
    ['an acr in another case', { acr: 'PHR', amr: ['hwk'] }, {}, 'unknown'],
    ['an acr as a list', { acr: ['phr'], amr: ['hwk'] }, {}, 'unknown'],
    ['several factors', { acr: 'pwd', amr: ['pwd', 'mfa'] }, {}, 'mfa'],
    ['several factors where IT vouches for the provider', { amr: ['mfa'] }, { configAsserted: true }, 'config-asserted'],
    ['nothing where IT vouches for the provider', {}, { configAsserted: true }, 'config-asserted'],
    ['proof where IT vouches for the provider as well', { acr: 'phr', amr: ['hwk'] }, { configAsserted: true }, 'phr'],
    ['a policy name that the profile maps', { acr: 'FIDO_only' }, { phrAcr: ['FIDO_only'], phrAmr: [] }, 'phr'],
    ['nothing', {}, {}, 'unknown'],
  ])('from %s is as it should be', (_, claims, change, level) => {
    const assurance = assuranceOf(claims, rules(change));
    expect(assurance.level).toBe(level);
    expect(assurance.because).toMatch(/^[A-Z].*\.$/);
  });

  it('keeps acr, amr and the time of the sign-in as the provider said them', () => {
    expect(assuranceOf({ acr: 'phr', amr: ['hwk', 5], auth_time: 1_700_000_000 }, rules())).toMatchObject({
      acr: 'phr',
      amr: ['hwk'],
      authTime: 1_700_000_000_000,
    });
    expect(assuranceOf({}, rules())).toMatchObject({ acr: null, amr: [], authTime: null });
  });

  const ladder = ['unknown', 'mfa', 'config-asserted', 'phr'] as const;
  it.each(ladder.flatMap((minimum) => ladder.map((level) => [level, minimum] as const)))(
    'of level %s is held against the minimum %s',
    (level, minimum) => {
      const assurance = { level, because: 'Because.', acr: null, amr: [], authTime: null };
      const demand = () => demandAssurance(assurance, rules({ minimum }));
      if (ladder.indexOf(level) >= ladder.indexOf(minimum)) expect(demand).not.toThrow();
      else expect(demand).toThrow(expect.objectContaining({ code: 'ASSURANCE_TOO_LOW', reason: level }));
    },
  );

  it('refuses what is below phr unless the profile says otherwise', () => {
    expect(() => demandAssurance(assuranceOf({ amr: ['mfa'] }, rules()), rules())).toThrow(
      expect.objectContaining({ code: 'ASSURANCE_TOO_LOW' }),
    );
  });

  it.each([
    ['what was asked', 'phrh', ['phrh'], true],
    ['one of several', 'phr', ['phrh', 'phr'], true],
    ['less', 'phr', ['phrh'], false],
    ['nothing', null, ['phr'], false],
    ['anything where nothing was asked', null, [], true],
  ])('of a step-up is what the provider answered: %s', (_, acr, asked, enough) => {
    const assurance = { ...assuranceOf({ amr: ['hwk'] }, rules()), acr };
    const demand = () => demandAcr(assurance, { acr: asked, maxAge: minutes(5) });
    if (enough) expect(demand).not.toThrow();
    else expect(demand).toThrow(expect.objectContaining({ code: 'ASSURANCE_TOO_LOW', reason: 'acr' }));
  });
});
