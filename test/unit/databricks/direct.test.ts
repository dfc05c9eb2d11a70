/** Tokens that are the provider's own: what they are for, what they must not be for, and when they are handed on. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { isNarrowed, requireAuthorised, widthWords } from '../../../main/databricks/authorisation.ts';
import { createDirect } from '../../../main/databricks/direct.ts';
import { createTokens } from '../../../main/databricks/tokens.ts';
import type { SubjectToken } from '../../../main/idp/signed-in.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { hours, later, type Ms, minutes, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

const HOST = 'https://acme.cloud.databricks.com';

const profileOf = (scopes: readonly string[], more: Record<string, unknown> = {}): Profile => ({
  name: 'acme',
  ...profileSchema.parse({
    idp: { preset: 'databricks', issuer: `${HOST}/oidc`, scopes },
    workspaces: [{ name: 'acme', host: HOST }],
    ...more,
  }),
});
const ofEntra = (more: Record<string, unknown> = {}): Profile => ({
  name: 'entra',
  ...profileSchema.parse({
    idp: { issuer: 'https://login.acme.example', clientId: 'lakepass' },
    ...{ tokens: 'direct', subjectToken: 'access_token', workspaces: [{ name: 'acme', host: HOST }] },
    ...more,
  }),
});

function setting({
  profile = profileOf(['all-apis', 'offline_access']),
  given = ['all-apis', 'offline_access'] as readonly string[] | null,
  life = hours(1),
} = {}) {
  const clock = fakeClock();
  const audit = recordingAudit();
  const calls: Ms[] = [];
  let current: SubjectToken | undefined;
  const state = { down: false, made: 0 };
  const subjectToken = async (needs: { life: Ms }): Promise<SubjectToken> => {
    calls.push(needs.life);
    const left = current === undefined ? 0 : current.expiresAt - clock.now();
    if (state.down && current !== undefined && left > needs.life) return current;
    if (state.down) throw new AppError('ISSUER_UNREACHABLE');
    if (current === undefined || left <= life / 2) {
      state.made += 1;
      const times = { issuedAt: clock.now(), expiresAt: later(clock.now(), life) };
      current = { jwt: new Secret(`token-${state.made}`), ...times, ...(given === null ? {} : { scopes: given }) };
    }
    return current;
  };
  const source = createDirect({ profile, clock, subjectToken });
  const random = (bytes: number): Buffer => Buffer.alloc(bytes, 1);
  const tokens = createTokens({ profile, clock, random, audit, log: () => undefined, source, subject: () => 'alice' });
  const get = (scopes: readonly string[]) => tokens.get({ workspace: HOST, scopes, deadline: later(clock.now(), seconds(8)) });
  return { clock, audit, calls, state, tokens, get };
}

describe('a token of the sign-in itself', () => {
  it('is handed on as it is, marked and recorded as not narrowed where it opens more than was asked for', async () => {
    const { get, audit, clock } = setting();
    const minted = await get(['sql']);
    expect(minted).toMatchObject({ scopes: ['all-apis'], narrowed: false, subject: 'alice', expiresAt: clock.now() + hours(1) });
    expect(minted.token.reveal()).toBe('token-1');
    expect(audit.of('token.minted')).toMatchObject([{ scopes: ['all-apis'], narrowed: 'no', subject: 'alice' }]);
  });

  it('is narrow where the sign-in was for no more than what is asked', async () => {
    const scopes = ['sql', 'genie', 'offline_access'];
    const { get, audit } = setting({ profile: profileOf(scopes), given: scopes });
    const minted = await get(['genie', 'sql']);
    expect(minted.narrowed).toBeUndefined();
    expect(minted.scopes).toEqual(['genie', 'sql']);
    expect(audit.of('token.minted')[0]).not.toHaveProperty('narrowed');
    await expect(get(['sql'])).resolves.toMatchObject({ narrowed: false, scopes: ['genie', 'sql'] });
  });

  it('is never for what the sign-in was not for, and the refusal names the command', async () => {
    const { get, calls } = setting({ profile: profileOf(['sql', 'offline_access']), given: ['sql', 'offline_access'] });
    await expect(get(['jobs', 'sql'])).rejects.toMatchObject({
      code: 'SCOPE_NOT_AUTHORISED',
      reason: 'jobs',
      detail: `Authorise it beside: lakepass login ${HOST} --scope jobs --scope sql`,
    });
    expect(calls).toEqual([]);
  });

  it('is not handed on where the workspace gave less than the sign-in asked for', async () => {
    const { get } = setting({ profile: profileOf(['sql', 'jobs', 'offline_access']), given: ['sql', 'offline_access'] });
    await expect(get(['jobs'])).rejects.toMatchObject({ code: 'SCOPE_NOT_AUTHORISED' });
    await expect(get(['sql'])).resolves.toMatchObject({ scopes: ['sql'] });
  });

  it('is not handed on where the workspace gave more than the sign-in asked for', async () => {
    const { get, audit } = setting({ profile: profileOf(['sql', 'offline_access']), given: ['all-apis', 'offline_access'] });
    await expect(get(['sql'])).rejects.toMatchObject({ code: 'SCOPE_NOT_NARROWED', reason: 'authorisation' });
    expect(audit.of('token.minted')).toEqual([]);
  });

  it('may say who the person is without being any wider', async () => {
    const { get } = setting({
      profile: profileOf(['sql', 'offline_access']),
      given: ['sql', 'openid', 'iam.current-user:read', 'offline_access'],
    });
    const minted = await get(['sql']);
    expect(minted.narrowed).toBeUndefined();
    expect(minted.scopes).toEqual(['sql']);
  });

  it('goes nowhere where the profile does not allow tokens that are not narrowed', async () => {
    const { get, calls } = setting({ profile: profileOf(['all-apis', 'offline_access'], { allowNotNarrowed: false }) });
    await expect(get(['sql'])).rejects.toMatchObject({ code: 'SCOPE_NOT_NARROWED', reason: 'direct' });
    expect(calls).toEqual([]);
  });

  it('of another provider opens all, and needs the profile to allow that', async () => {
    await expect(setting({ profile: ofEntra(), given: null }).get(['sql'])).rejects.toMatchObject({
      code: 'SCOPE_NOT_NARROWED',
      reason: 'direct',
    });
    const allowed = setting({ profile: ofEntra({ allowNotNarrowed: true }), given: null });
    await expect(allowed.get(['sql'])).resolves.toMatchObject({ scopes: ['all-apis'], narrowed: false });
  });

  it('is asked for with more life than the last seconds in which Azure refuses it', async () => {
    const { get, calls } = setting({ profile: profileOf(['all-apis'], { limits: { minTokenLife: '10 s' } }) });
    await get(['sql']);
    expect(calls.every((life) => life > seconds(30))).toBe(true);
  });

  it('is renewed with the session, and an old one is not fetched again and again while nothing newer is to be had', async () => {
    const { get, clock, state, audit } = setting();
    await get(['sql']);
    state.down = true;
    await clock.advance(minutes(54));
    const before = audit.of('token.minted').length;
    for (let asked = 0; asked < 200; asked += 1) await get(['sql']);
    await clock.advance(seconds(1));
    expect(audit.of('token.minted').length - before).toBeLessThanOrEqual(2);
    state.down = false;
    await clock.advance(seconds(31));
    await get(['sql']);
    await clock.advance(seconds(1));
    expect((await get(['sql'])).token.reveal()).toBe('token-2');
  });

  it('is not handed out in its last moments; whoever waits is told that the provider is away', async () => {
    const { get, clock, state } = setting();
    await get(['sql']);
    state.down = true;
    await clock.advance(minutes(58.5));
    const outcome = get(['jobs']).catch((error: unknown) => error);
    await clock.advance(seconds(9));
    expect(await outcome).toMatchObject({ code: 'ISSUER_UNREACHABLE', reason: 'late' });
  });
});

describe('what a profile’s tokens open', () => {
  it('is said before anybody is asked', () => {
    expect(widthWords(profileOf(['all-apis']), ['sql'])).toEqual([expect.stringContaining('not narrowed')]);
    expect(widthWords(profileOf(['sql', 'jobs']), ['sql'])).toEqual([expect.stringContaining('jobs, sql')]);
    expect(widthWords(profileOf(['sql']), ['sql'])).toEqual([]);
    expect(widthWords(undefined, ['sql'])).toEqual([]);
    expect(isNarrowed({ ...ofEntra(), tokens: 'exchange' }, ['sql'])).toBe(true);
    expect(() => requireAuthorised({ ...profileOf(['sql']), tokens: 'exchange' }, ['jobs'])).not.toThrow();
  });
});
