/** `lakepass profiles init` inside the agent: real providers with the oddities of each preset, a real exchange, and one exact step for each fault. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createDoctor, type DoctorParts } from '../../../main/agent/doctor.ts';
import type { LookedAt } from '../../../main/agent/far-look.ts';
import { createProfileInit } from '../../../main/agent/profile-init.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { createFederation } from '../../../main/databricks/federation.ts';
import { createTokens } from '../../../main/databricks/tokens.ts';
import { systemClock as clock } from '../../../main/host-ports.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import { type EpochMs, hours, later } from '../../../main/units.ts';
import { profileInitRequestSchema } from '../../../preload/contract/profile-init.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import type { QuirkyName } from '../../fixtures/idp/quirks.ts';
import { startQuirkyIdp } from '../../fixtures/idp/quirky-idp.ts';
import { startTestIssuer } from '../../fixtures/workspace/test-issuer.ts';
import type { FederationPolicy } from '../../fixtures/workspace/token-endpoint.ts';
import { startWorkspace } from '../../fixtures/workspace/workspace.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type InUse = Map<string, LookedAt & { tokens: ReturnType<typeof createTokens> }>;
const log = () => undefined;
const { fetch } = globalThis;

function initWith(companies: InUse) {
  const added: string[][] = [];
  const far = { clock, fetch, random: randomBytes, log, companies, servicePrincipals: new Map(), watched: () => [] };
  const parts = { clock, log, env: {}, places: { socket: '' }, auditFolder: '', far } as unknown as DoctorParts;
  const init = createProfileInit({
    ...{ configFile: '/home/ada/config.yaml', clock, doctor: createDoctor(parts), servicePrincipals: new Map() },
    companies: companies as never,
    adding: {
      async add(addition) {
        const name = addition.nameAmong(new Set());
        added.push(addition.lines(name));
        return { profile: name, state: 'made' };
      },
    },
  });
  return { init, added };
}

async function workspaceWith(policies: readonly FederationPolicy[]) {
  const workspace = await startWorkspace({ users: ['ada@acme.example'], policies });
  closers.push(() => workspace.close());
  return workspace;
}

async function looking(preset: QuirkyName) {
  const idp = await startQuirkyIdp(preset, Date.now);
  closers.push(() => idp.close());
  const { host } = await workspaceWith([]);
  const { init } = initWith(new Map());
  const given = {
    preset,
    test: true,
    clientId: idp.clientId,
    ...(preset === 'google' ? { domain: 'acme.example', clientSecret: 'none' } : {}),
  };
  return async (change: Record<string, unknown> = {}, issuer = idp.issuer) => {
    const draft = await init.draftProfile(
      profileInitRequestSchema.parse({ addresses: [issuer, host], ...given, ...change }),
      unknownCaller,
    );
    if (draft.missing !== null) throw new Error(`${draft.missing} is missing`);
    const isBad = ({ state }: { state: string }) => state === 'bad';
    return { ...draft, bad: draft.checks.filter(isBad) };
  };
}

describe('a look at a new profile', () => {
  const ready: QuirkyName[] = ['generic', 'okta', 'okta-custom', 'auth0', 'google', 'pingone', 'keycloak'];
  it.each(ready)('finds nothing wrong with %s as it is', async (preset) => {
    const { bad, state, profile, checks } = await (await looking(preset))();
    expect(bad).toEqual([]);
    expect({ state, profile }).toEqual({ state: 'new', profile: 'main' });
    expect(checks.find(({ id }) => id === 'client-main')).toMatchObject({ state: 'good' });
  });

  it('names each redirect to the letter', async () => {
    expect((await (await looking('okta'))()).redirects).toEqual([9643, 9644, 9645].map((port) => `http://127.0.0.1:${port}/callback`));
    expect((await (await looking('keycloak'))()).redirects).toEqual(['http://127.0.0.1/callback']);
    expect((await (await looking('google'))()).redirects).toEqual([]);
  });

  it('never shows the secret that a provider wants', async () => {
    const draft = await (await looking('google'))({ clientSecret: 'GOCSPX-of-ours' });
    expect(JSON.stringify(draft)).not.toContain('GOCSPX-of-ours');
    expect(draft.text).toContain('clientSecret: "…"');
  });

  it('says which slash is one too many', async () => {
    const look = await looking('generic');
    const { issuer } = await look();
    const { bad } = await look({}, `${issuer}/`);
    expect(bad).toMatchObject([{ id: 'provider-main', code: 'ISSUER_INVALID', next: `Write the issuer as it stands there: ${issuer}.` }]);
  });

  it('says whose metadata it has found, and that it may be somebody else', async () => {
    const idp = await startQuirkyIdp('generic', Date.now);
    closers.push(() => idp.close());
    idp.metadataIssuer = 'https://acme.okta.com';
    const { host } = await workspaceWith([]);
    const request = profileInitRequestSchema.parse({ addresses: [idp.issuer, host], test: true, clientId: 'x' });
    const draft = await initWith(new Map()).init.draftProfile(request, unknownCaller);
    const provider = draft.missing === null ? draft.checks.find(({ id }) => id === 'provider-main') : undefined;
    expect(provider).toMatchObject({
      state: 'bad',
      next: expect.stringContaining('write the issuer as it stands there: https://acme.okta.com'),
    });
    expect(provider?.next).toMatch(/^Ask your admin/);
  });

  it('says that nobody answers', async () => {
    const { bad } = await (await looking('generic'))({}, 'http://127.0.0.1:9');
    expect(bad.find(({ id }) => id === 'provider-main')).toMatchObject({ code: 'ISSUER_UNREACHABLE' });
  });

  it('says that the client, or its redirect, is not registered', async () => {
    const { bad } = await (await looking('keycloak'))({ clientId: 'nobody' });
    expect(bad).toMatchObject([{ id: 'client-main', next: 'Register exactly this redirect for exactly this client at the provider.' }]);
    // This one compares the port as well, and any port is what the generic preset asks for.
    const { bad: refused } = await (await looking('okta'))({ preset: 'generic' });
    expect(refused).toMatchObject([{ id: 'client-main', finding: expect.stringContaining('/callback') }]);
  });

  it('asks nobody as long as something is missing', async () => {
    const { init, added } = initWith(new Map());
    const request = profileInitRequestSchema.parse({ addresses: ['http://127.0.0.1:9', 'http://127.0.0.1:9'], test: true });
    await expect(init.draftProfile(request, unknownCaller)).resolves.toMatchObject({ missing: 'clientId' });
    await expect(init.addProfile(request, unknownCaller)).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'clientId' });
    expect(added).toEqual([]);
  });
});

describe('the first token of a profile', () => {
  async function trying(change: Partial<FederationPolicy> | null, claims: Record<string, unknown> = {}) {
    const issuer = await startTestIssuer();
    closers.push(() => issuer.close());
    const policy = { issuer: issuer.issuer, audiences: ['lakepass'], subjectClaim: 'email' };
    const { host } = await workspaceWith(change === null ? [] : [{ ...policy, ...change }]);
    const idp = { issuer: issuer.issuer, clientId: 'lakepass' };
    const profile: Profile = { name: 'acme', ...profileSchema.parse({ test: true, idp, workspaces: [{ name: 'main', host }] }) };
    const jwt = new Secret(await issuer.sign({ sub: '00u1', email: 'ada@acme.example', ...claims }));
    const now = Date.now() as EpochMs;
    const subjectToken = async () => ({ jwt, issuedAt: now, expiresAt: later(now, hours(1)) });
    const source = createFederation({ profile, clock, fetch, log, subjectToken, groups: () => [] });
    const tokens = createTokens({ profile, clock, random: randomBytes, audit: recordingAudit(), log, source, subject: () => '00u1' });
    const session = { view: () => ({ phase: 'signed-in' as const }), subjectToken };
    const { init } = initWith(new Map([['acme', { profile, session, tokens }]]));
    return { trial: await init.tryProfile({ profile: 'acme' }, unknownCaller), issuer: issuer.issuer, secret: jwt.reveal() };
  }

  it('works where the policy takes it, and never leaves', async () => {
    const { trial, secret } = await trying({});
    expect(trial).toMatchObject({ workspaces: [{ name: 'main', failure: null }], policy: null, claims: [{ state: 'good' }] });
    expect(JSON.stringify(trial)).not.toMatch(/eyJ/);
    expect(JSON.stringify(trial)).not.toContain(secret);
  });

  it.each([
    ['there is no policy', null, 'EXCHANGE_WRONG_ISSUER', /^Set the `issuer`/],
    ['it is for another issuer', { issuer: 'https://idp.acme.example' }, 'EXCHANGE_WRONG_ISSUER', /^Set the `issuer`/],
    ['it lists another audience', { audiences: ['databricks'] }, 'EXCHANGE_WRONG_AUDIENCE', /^Put lakepass among the `audiences`/],
    ['it reads another claim', { subjectClaim: 'upn' }, 'EXCHANGE_UNKNOWN_USER', /^Set `subject_claim`.* to `email`/],
  ] as const)('is refused where %s, with the command that makes the right one', async (_, change, code, step) => {
    const { trial, issuer } = await trying(change);
    expect(trial.workspaces).toMatchObject([{ failure: { code } }]);
    expect(trial.claims).toMatchObject([{ state: 'bad', next: expect.stringMatching(step) }]);
    const policy = { issuer, audiences: ['lakepass'], subject_claim: 'email' };
    expect(trial.policy?.account).toBe(`databricks account federation-policy create --json '${JSON.stringify({ oidc_policy: policy })}'`);
    expect(trial.policy?.servicePrincipal).toContain('"subject":"ada@acme.example"');
  });

  it('is not for a profile that is none', async () => {
    await expect(initWith(new Map()).init.tryProfile({ profile: 'acme' }, unknownCaller)).rejects.toMatchObject({
      code: 'PROFILE_UNKNOWN',
    });
  });
});

describe('an AI agent', () => {
  const claude: Caller = { ...unknownCaller, aiAgent: 'claude' };

  it('neither has addresses looked at nor a token tried', async () => {
    const { init } = initWith(new Map());
    const request = profileInitRequestSchema.parse({ addresses: ['https://evil.example'] });
    await expect(init.draftProfile(request, claude)).rejects.toMatchObject({ code: 'CALLER_REFUSED' });
    await expect(init.tryProfile({ profile: 'acme' }, claude)).rejects.toMatchObject({ code: 'CALLER_REFUSED' });
  });
});
