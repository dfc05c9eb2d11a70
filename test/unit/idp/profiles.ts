/** Profiles as the configuration file would make them, and a sign-in that a refresh goes back to. */
import { digestOf } from '../../../main/idp/id-token-claims.ts';
import type { Origin } from '../../../main/idp/signed-in.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import { later, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

export const ISSUER = 'https://issuer.test/realm';
export const CLIENT = 'lakepass';

/** When the fake clock starts. */
const START = fakeClock().now();

/** Alice, who signed in ten seconds before the clock starts, with the nonce `n-1`. */
export const originOf = (change: Partial<Origin['identity']> = {}): Origin => ({
  identity: {
    issuer: ISSUER,
    subject: 'alice-1',
    username: 'alice@acme.example',
    displayName: 'Alice',
    groups: ['analysts'],
    claims: {},
    ...change,
  },
  assurance: { level: 'phr', because: 'acr phr with amr hwk', acr: 'phr', amr: ['hwk'], authTime: later(START, seconds(-10)) },
  signedInAt: START,
  nonceDigest: digestOf('n-1'),
  proofKey: null,
});

type Idp = Record<string, unknown>;

export function testProfile({
  idp = {},
  assurance = {},
  limits = {},
  ...rest
}: {
  idp?: Idp;
  assurance?: Idp;
  limits?: Idp;
  test?: boolean;
  subjectToken?: string;
} = {}): Profile {
  const workspaces = [{ name: 'prod', host: 'https://acme.cloud.databricks.com' }];
  const parsed = profileSchema.parse({ idp: { issuer: ISSUER, clientId: CLIENT, ...idp }, assurance, limits, workspaces, ...rest });
  return { ...parsed, name: 'acme' };
}
