/** What Lakepass depends on, as the nouns know it; nobody is asked before a person has signed in there. */
import { describe, expect, it } from 'vitest';
import { createDependencies } from '../../../main/agent/health.ts';
import { AppError } from '../../../main/app-error.ts';
import { healthText } from '../../../main/cli/verbs/health.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import { createHealth } from '../../../main/telemetry/health.ts';
import type { AuditView } from '../../../preload/contract/audit.ts';
import type { HealthView } from '../../../preload/contract/health.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { broken, json } from '../databricks/scripted-workspace.ts';

const ISSUER = 'https://login.acme.example';
const HOST = 'https://acme.cloud.databricks.com';
type Answers = Record<string, () => Response | Error>;

const wellKnown: Answers = {
  [`${ISSUER}/.well-known/openid-configuration`]: () =>
    json({
      ...{ issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize`, token_endpoint: `${ISSUER}/token`, jwks_uri: `${ISSUER}/keys` },
      ...{ response_types_supported: ['code'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'] },
      ...{ code_challenge_methods_supported: ['S256'] },
    }),
  [`${ISSUER}/keys`]: () => json({ keys: [{ kid: 'one', kty: 'RSA', use: 'sig', n: 'AQ', e: 'AQAB' }] }),
  [`${HOST}/oidc/.well-known/oauth-authorization-server`]: () => json({ issuer: `${HOST}/oidc`, token_endpoint: `${HOST}/oidc/v1/token` }),
};

async function lookedAt({
  phase = 'signed-in' as 'signed-in' | 'signed-out',
  answers = {} as Answers,
  locked = false,
  synced = async (): Promise<void> => undefined,
  names = async (): Promise<string[]> => [],
  sinks = [] as AuditView['sinks'],
} = {}): Promise<{ view: HealthView; asked: string[]; states: Record<string, string> }> {
  const clock = fakeClock();
  const asked: string[] = [];
  const fetch = async (input: string | URL | Request): Promise<Response> => {
    asked.push(String(input));
    const answer = { ...wellKnown, ...answers }[String(input)]?.() ?? broken('ENOTFOUND');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const profile: Profile = {
    ...profileSchema.parse({ idp: { issuer: ISSUER, clientId: 'lakepass' }, workspaces: [{ name: 'main', host: HOST }] }),
    name: 'acme',
  };
  const owner = { profile, session: { view: () => ({ phase }) } };
  const health = createHealth({
    ...{ clock, log: () => undefined },
    dependencies: createDependencies({
      ...{ clock, fetch, random: (bytes) => Buffer.alloc(bytes), log: () => undefined },
      ...{ vault: { locked, names }, audit: { synced }, sinks: () => sinks },
      ...{ companies: new Map([['acme', owner]]), servicePrincipals: new Map() },
    }),
  });
  const view = await health.look();
  const states = Object.fromEntries(
    view.dependencies.map((each) => [`${each.kind} ${each.name}`.trim(), each.problem?.code ?? each.state]),
  );
  return { view, asked, states };
}

describe('what Lakepass depends on', () => {
  it('is the vault, the log, its provider and its workspaces', async () => {
    const { states, view } = await lookedAt();
    expect(states).toEqual({ vault: 'ok', 'audit-log': 'ok', 'provider acme': 'ok', 'workspace acme/main': 'ok' });
    expect(view.state).toBe('ok');
  });

  it('asks no provider before somebody has signed in there', async () => {
    const { states, asked } = await lookedAt({ phase: 'signed-out' });
    expect(states['provider acme']).toBe('unused');
    expect(asked.filter((address) => address.startsWith(ISSUER))).toEqual([]);
  });

  it('asks no workspace before somebody has signed in there', async () => {
    const { states, asked } = await lookedAt({ phase: 'signed-out' });
    expect(states['workspace acme/main']).toBe('unused');
    expect(asked.filter((address) => address.startsWith(HOST))).toEqual([]);
  });

  it.each<[string, Parameters<typeof lookedAt>[0], string, string]>([
    ['a provider that is away', { answers: { [`${ISSUER}/keys`]: () => broken('ECONNREFUSED') } }, 'provider acme', 'ISSUER_UNREACHABLE'],
    ['a provider without keys', { answers: { [`${ISSUER}/keys`]: () => json({ keys: [] }) } }, 'provider acme', 'ISSUER_INVALID'],
    [
      'a workspace that is away',
      { answers: { [`${HOST}/oidc/.well-known/oauth-authorization-server`]: () => broken('ECONNRESET') } },
      'workspace acme/main',
      'WORKSPACE_UNREACHABLE',
    ],
    [
      'a workspace whose certificate is over',
      { answers: { [`${HOST}/oidc/.well-known/oauth-authorization-server`]: () => broken('CERT_HAS_EXPIRED') } },
      'workspace acme/main',
      'WORKSPACE_TLS',
    ],
    [
      'a workspace that is down',
      { answers: { [`${HOST}/oidc/.well-known/oauth-authorization-server`]: () => json({}, 503) } },
      'workspace acme/main',
      'WORKSPACE_BUSY',
    ],
    ['a log that cannot be written', { synced: () => Promise.reject(new AppError('AUDIT_UNWRITABLE')) }, 'audit-log', 'AUDIT_UNWRITABLE'],
    ['a vault whose folder is gone', { names: () => Promise.reject(new AppError('VAULT_CORRUPT')) }, 'vault', 'VAULT_CORRUPT'],
  ])('fails with %s, and with nothing else', async (_, given, name, code) => {
    const { states, view } = await lookedAt(given);
    expect(Object.entries(states).filter(([, state]) => state !== 'ok')).toEqual([[name, code]]);
    expect(view.state).toBe('failing');
  });

  it('does not need a vault that is locked', async () => {
    expect((await lookedAt({ locked: true })).states['vault']).toBe('unused');
  });

  it('takes each sink at its last try', async () => {
    const problem = new AppError('AUDIT_SINK_REFUSED', { detail: 'It answered with status 400.' }).toFailure();
    const sink = { name: 'company', problem } as unknown as AuditView['sinks'][number];
    const { view, states } = await lookedAt({ sinks: [sink] });
    expect(states['sink company']).toBe('AUDIT_SINK_REFUSED');
    expect(healthText(view)).toMatch(/^ok +vault +0 ms[\s\S]*^failing +sink company +0 ms .*status 400\. .*\[AUDIT_SINK_REFUSED\]$/m);
  });
});
