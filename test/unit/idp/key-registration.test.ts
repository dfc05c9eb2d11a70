/** A security key at the provider: where it is registered, how that is asked for, and what the sign-in after it must show. */
import { describe, expect, it } from 'vitest';
import { keyPage, keyRoad, proofWords, registerHint } from '../../../main/idp/key-registration.ts';
import { type PresetName, presetNames, presets } from '../../../main/idp/presets.ts';
import type { AssuranceLevel } from '../../../main/idp/signed-in.ts';
import { flow, visit } from './flow.ts';
import { ISSUER, testProfile } from './profiles.ts';

const withPreset = (preset: PresetName, issuer = presets[preset].issuer.example, test = false) => {
  const profile = testProfile();
  return { ...profile, test, idp: { ...profile.idp, preset, issuer } };
};
const forever = () => new AbortController().signal;
const options = () => ({ signal: forever(), onUrl: () => undefined });

describe('the provider’s page for keys', () => {
  it.each(presetNames.filter((name) => presets[name].keys.page !== undefined))(
    'of %s is on https, at the issuer or where the preset says',
    (name) => {
      const profile = withPreset(name);
      const page = keyPage(profile);
      const { page: written = '' } = presets[name].keys;
      expect(page?.protocol).toBe('https:');
      expect(page?.host).toBe(new URL(written.startsWith('{issuer}') ? profile.idp.issuer : written).host);
    },
  );

  // What the schema lets through is narrower; the page does not rely on it.
  it.each([
    ['plain http', 'http://acme.okta.com'],
    ['plain http on this machine, outside a test profile', 'http://127.0.0.1:9000'],
    ['a script', 'javascript:alert(1)//'],
    ['a file', 'file:///etc/passwd#'],
    ['data', 'data:text/html,<h1>keys</h1>'],
    ['an application', 'ms-settings:signinoptions'],
    ['a user name', 'https://acme.okta.com@evil.example'],
    ['a user name and a password', 'https://a:b@evil.example'],
    ['a query that swallows the path', 'https://acme.okta.com/?next='],
    ['a fragment that swallows the path', 'https://acme.okta.com/#'],
    ['no address at all', 'acme.okta.com'],
    ['nothing', ''],
  ])('is none with %s in the issuer', (_, issuer) => {
    expect(keyPage(withPreset('okta', issuer))).toBeNull();
  });

  it.each([
    ['a slash at its end', 'https://acme.okta.com/', 'https://acme.okta.com/enduser/settings'],
    ['a pattern of replacing', 'https://acme.okta.com/$&$`', 'https://acme.okta.com/$&$%60/enduser/settings'],
    ['the mark itself', 'https://acme.okta.com/{issuer}', 'https://acme.okta.com/%7Bissuer%7D/enduser/settings'],
    ['a way up', 'https://acme.okta.com/a/../..', 'https://acme.okta.com/enduser/settings'],
    ['a host that goes on', 'https://acme.okta.com.evil.example', 'https://acme.okta.com.evil.example/enduser/settings'],
  ])('stays at the host of an issuer with %s', (_, issuer, page) => {
    expect(keyPage(withPreset('okta', issuer))?.href).toBe(page);
  });

  it('may be on this machine in a test profile', () => {
    expect(keyPage(withPreset('okta', 'http://127.0.0.1:9000', true))?.href).toBe('http://127.0.0.1:9000/enduser/settings');
    expect(keyPage(withPreset('okta', 'http://127.0.0.2:9000', true))).toBeNull();
  });

  it('is known of these, by one road or the other', () => {
    const roads = Object.fromEntries(presetNames.map((name) => [name, keyRoad(withPreset(name))?.how ?? null]));
    expect(roads).toEqual({
      ...{ generic: null, okta: 'page', 'okta-custom': null, entra: 'page', auth0: null, google: 'page', pingone: null },
      ...{ keycloak: 'action', databricks: null },
    });
  });
});

describe('a registration', () => {
  it('asks for the act, for no level and for as little as can be, and redeems nothing', async () => {
    const { idp, opened, issuer, audit, person } = flow(
      { idp: { prompt: 'consent' }, assurance: { askBy: 'acr', acrValues: ['phr'] } },
      'keycloak',
    );
    person.browse = async (url) => void (await visit(issuer.authorize(url, (query) => query.set('kc_action_status', 'success'))));
    expect(await idp.registerKey(options())).toBe('success');
    const query = Object.fromEntries(opened[0]?.searchParams ?? []);
    expect(query).toMatchObject({ kc_action: 'webauthn-register', scope: 'openid', code_challenge_method: 'S256' });
    for (const name of ['claims', 'acr_values', 'max_age', 'prompt']) expect(query).not.toHaveProperty(name);
    expect(issuer.askedFor('token')).toEqual([]);
    expect(audit.events).toEqual([]);
  });

  it('asks for one more, in the realm’s own word where the profile has one', async () => {
    const { idp, opened } = flow(
      { idp: { parameters: { kc_action: 'webauthn-register-passwordless:skip_if_exists', x: 'y' } } },
      'keycloak',
    );
    await idp.registerKey(options());
    expect(Object.fromEntries(opened[0]?.searchParams ?? [])).toMatchObject({ kc_action: 'webauthn-register-passwordless', x: 'y' });
  });

  it.each([
    ['success', 'success'],
    ['cancelled', 'cancelled'],
    ['error', 'error'],
    [null, 'unsaid'],
    ['', 'unsaid'],
    ['SUCCESS', 'unsaid'],
    ['constructor', 'unsaid'],
    ['success ', 'unsaid'],
  ])('that comes back with %j is said to be %s', async (status, said) => {
    const { idp, issuer, person } = flow({}, 'keycloak');
    person.browse = async (url) =>
      void (await visit(issuer.authorize(url, (query) => (status === null ? undefined : query.set('kc_action_status', status)))));
    expect(await idp.registerKey(options())).toBe(said);
  });

  it.each([
    ['two answers', (query: URLSearchParams) => query.append('kc_action_status', 'error')],
    ['another state', (query: URLSearchParams) => query.set('state', 'x'.repeat(43))],
    ['another issuer', (query: URLSearchParams) => query.set('iss', 'https://evil.test')],
  ])('is not over by an answer with %s', async (_, forge) => {
    const { idp, issuer, person } = flow({}, 'keycloak');
    const statuses: number[] = [];
    person.browse = async (url) => {
      const back = issuer.authorize(url, (query) => query.set('kc_action_status', 'success'));
      const forged = new URL(back);
      forge(forged.searchParams);
      statuses.push((await visit(forged)).status);
      back.searchParams.set('kc_action_status', 'cancelled');
      await visit(back);
    };
    expect(await idp.registerKey(options())).toBe('cancelled');
    expect(statuses).toEqual([400]);
  });

  it('that the provider refuses is refused in its words', async () => {
    const { idp, person } = flow({}, 'keycloak');
    person.browse = async (url) => {
      const query = new URLSearchParams({ error: 'access_denied', state: url.searchParams.get('state') ?? '', iss: ISSUER });
      await visit(`${url.searchParams.get('redirect_uri')}?${query}`);
    };
    await expect(idp.registerKey(options())).rejects.toMatchObject({ code: 'LOGIN_REFUSED', reason: 'access_denied' });
  });

  it('is pushed first where the provider insists', async () => {
    const { idp, issuer, opened } = flow({}, 'keycloak');
    issuer.metadata = { ...issuer.metadata, require_pushed_authorization_requests: true };
    await idp.registerKey(options());
    expect([...(opened[0]?.searchParams.keys() ?? [])].sort()).toEqual(['client_id', 'request_uri']);
    expect(issuer.askedFor('par')[0]?.body.get('kc_action')).toBe('webauthn-register');
  });

  it('ends when it is cancelled', async () => {
    const { idp, person } = flow({}, 'keycloak');
    const stop = new AbortController();
    person.browse = async () => stop.abort();
    await expect(idp.registerKey({ signal: stop.signal, onUrl: () => undefined })).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
  });

  it.each<PresetName>(['generic', 'google', 'okta'])('cannot be asked of %s', async (preset) => {
    const { idp, opened } = flow({}, preset);
    await expect(idp.registerKey(options())).rejects.toMatchObject({ code: 'KEY_PAGE_UNKNOWN' });
    expect(opened).toEqual([]);
  });
});

describe('the sign-in after a registration', () => {
  const prove = (given: ReturnType<typeof flow>, floor: AssuranceLevel = 'unknown') =>
    given.idp.signIn({ ...options(), provesKey: { floor } });

  it('asks afresh for what counts as phishing-resistant, whatever is asked every day, and for no second registration', async () => {
    const given = flow(
      {
        idp: { parameters: { kc_action: 'webauthn-register' } },
        assurance: { askBy: 'acr_values', acrValues: ['silver'], phrAcr: ['phr'], phrAmr: ['hwk'], maxAge: '8 h' },
      },
      'keycloak',
    );
    await expect(prove(given)).resolves.toMatchObject({ assurance: { level: 'phr', acr: 'phr' } });
    const query = Object.fromEntries(given.opened[0]?.searchParams ?? []);
    expect(query).toMatchObject({ acr_values: 'phr', max_age: '60', prompt: 'login' });
    expect(query).not.toHaveProperty('kc_action');
  });

  it('asks for the one of several that the profile asks for every day', async () => {
    const given = flow({ assurance: { askBy: 'acr_values', acrValues: ['phr'], phrAcr: ['phr', 'phrh'], phrAmr: ['hwk'] } }, 'okta');
    await prove(given);
    expect(given.opened[0]?.searchParams.get('acr_values')).toBe('phr');
  });

  it.each<[string, Record<string, unknown>]>([
    ['another acr', { acr: 'silver' }],
    ['no acr', { acr: undefined }],
    ['the acr, but no key as the means', { amr: ['pwd'] }],
  ])('leaves nothing behind with %s, although the profile would take it', async (_, claims) => {
    const given = flow({ assurance: { acrValues: ['silver'], phrAcr: ['phr'], phrAmr: ['hwk'], minimum: 'unknown' } }, 'keycloak');
    given.issuer.claims = (known) => ({ ...known, ...claims });
    await expect(prove(given)).rejects.toMatchObject({ code: 'KEY_UNPROVEN', reason: 'unknown' });
    await expect.poll(() => given.issuer.revoked.length).toBe(1);
  });

  it('is not an old one', async () => {
    const given = flow({ assurance: { acrValues: ['phr'], phrAcr: ['phr'], phrAmr: [], maxAge: '8 h' } }, 'keycloak');
    given.issuer.claims = (known) => ({ ...known, auth_time: (known['auth_time'] as number) - 600 });
    await expect(prove(given)).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'auth_time' });
  });

  const google = { assurance: { askBy: 'none', acrValues: [], phrAcr: [], phrAmr: [], mfaAmr: ['mfa'], authTime: 'optional' } };
  const googleIdp = { idp: { prompt: 'consent' } };

  it('with a provider that never says so shows what IT declares, and keeps the profile’s own prompt', async () => {
    const given = flow({ ...googleIdp, assurance: { ...google.assurance, configAsserted: true, minimum: 'config-asserted' } }, 'google');
    const { assurance } = await prove(given, 'config-asserted');
    expect(assurance.level).toBe('config-asserted');
    expect(given.opened[0]?.searchParams.get('prompt')).toBe('consent');
    const words = proofWords(withPreset('google'), assurance);
    expect(words).toMatch(/did not say that a key was used.*config-asserted.*Google never says/);
  });

  it('with a provider that never says so takes no stronger session’s place', async () => {
    const given = flow({ ...googleIdp, assurance: { ...google.assurance, minimum: 'unknown' } }, 'google');
    given.issuer.claims = (known) => ({ ...known, amr: [] });
    await expect(prove(given, 'mfa')).rejects.toMatchObject({ code: 'KEY_UNPROVEN', reason: 'unknown' });
    await expect(prove(given, 'unknown')).resolves.toMatchObject({ assurance: { level: 'unknown' } });
  });

  it('says what proves it', async () => {
    const given = flow({ assurance: { acrValues: ['phr'], phrAcr: ['phr'], phrAmr: ['hwk'] } }, 'keycloak');
    const { assurance } = await prove(given);
    expect(proofWords(withPreset('keycloak'), assurance)).toMatch(/^Proven: .*acr "phr" and amr "hwk"/);
  });
});

describe('whoever was proven too little', () => {
  it('hears of the way to a first key where there is one', async () => {
    const low = { assurance: { acrValues: ['phr'], phrAcr: ['phr'], phrAmr: [], minimum: 'phr' } };
    const refusal = async (preset: PresetName) => {
      const given = flow(low, preset);
      given.issuer.claims = (known) => ({ ...known, acr: 'silver' });
      return given.signIn().then(
        () => 'signed in',
        (error: { code: string; detail: string }) => `${error.code} ${error.detail}`,
      );
    };
    expect(await refusal('keycloak')).toMatch(/^ASSURANCE_TOO_LOW .*`lakepass keys register`/);
    expect(await refusal('auth0')).toMatch(/^ASSURANCE_TOO_LOW (?!.*keys register)/);
  });

  it('hears of none where no key would help: the provider never says that one was used', () => {
    const provable = withPreset('okta');
    expect(registerHint(provable)).toContain('lakepass keys register');
    expect(registerHint({ ...provable, assurance: { ...provable.assurance, phrAcr: [] } })).toBe('');
  });
});
