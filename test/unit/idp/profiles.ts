/** Profiles as the configuration file would make them. */
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';

export const ISSUER = 'https://issuer.test/realm';
export const CLIENT = 'lakepass';

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
