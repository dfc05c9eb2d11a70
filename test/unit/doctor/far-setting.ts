/** Facts of a network on which all is well. */
import type { FarFacts, Place, Provider, Way } from '../../../main/doctor/far-facts.ts';
import { ms } from '../../../main/units.ts';
import { wellMachine } from './setting.ts';

export const answered = (changes: Partial<Extract<Way, { kind: 'answered' }>> = {}): Way => ({
  ...{ kind: 'answered', status: 200, ahead: ms(300), isMetadata: true },
  ...changes,
});

export const place = (host: string, way: Way, workspace: Place['workspace'] = null, isPlain = false): Place => ({
  ...{ host, isPlain, workspace, way: async () => way },
});

export const provider = (changes: Partial<Provider> = {}): Provider => ({
  ...{
    profile: 'acme',
    host: 'idp.acme.example',
    issuer: 'https://idp.acme.example',
    clientId: 'lakepass',
    redirect: 'http://127.0.0.1:8250/callback',
    usernameClaim: 'email',
  },
  ...{ tokens: 'exchange', needsKeys: true, phase: 'signed-in', healths: ['ok'] },
  metadata: async () => undefined,
  namedIssuer: async () => 'https://idp.acme.example',
  unlistedScopes: async () => [],
  client: async () => ({ verdict: 'known', error: 'login_required' }),
  ports: async () => ({ free: [8250], taken: [] }),
  keys: async () => [{ certificateEnds: null }],
  claims: async () => ({ issuer: 'https://idp.acme.example', audiences: ['lakepass'], algorithm: 'RS256', username: 'ada@acme.example' }),
  ...changes,
});

export const wellNetwork = async (changes: Partial<FarFacts> = {}): Promise<FarFacts> => ({
  ...(await wellMachine()),
  terminal: [],
  places: [place('idp.acme.example', answered()), place('acme.cloud.databricks.com', answered(), { profile: 'acme', name: 'main' })],
  providers: [provider()],
  grant: null,
  judge: () => 'elsewhere',
  defaultBrowser: async () => 'firefox.desktop',
  systemFindsOwnName: async () => false,
  watched: () => [],
  ...changes,
});
