/** What a program finds in its environment, and what it must not find. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { applyTo, environmentFor, profileSection, withoutWorkloads } from '../../../main/cli/environment.ts';
import { linesFor } from '../../../main/cli/shells.ts';

const change = environmentFor('https://acme.cloud.databricks.com', 'http://127.0.0.1:12345/v1/metadata/secret');

describe('the environment of a program', () => {
  it('names the metadata service and keeps what is not about Databricks', () => {
    expect(applyTo({ PATH: '/bin', DATABRICKS_CLUSTER_ID: 'c' }, change)).toEqual({
      PATH: '/bin',
      DATABRICKS_CLUSTER_ID: 'c',
      DATABRICKS_HOST: 'https://acme.cloud.databricks.com',
      DATABRICKS_AUTH_TYPE: 'metadata-service',
      DATABRICKS_METADATA_SERVICE_URL: 'http://127.0.0.1:12345/v1/metadata/secret',
    });
  });

  it.each([
    'DATABRICKS_TOKEN',
    'DATABRICKS_CONFIG_PROFILE',
    'DATABRICKS_CLIENT_SECRET',
    'DATABRICKS_OIDC_TOKEN_FILEPATH',
    'ARM_CLIENT_SECRET',
    'GOOGLE_CREDENTIALS',
  ])('does not hold %s', (name) => {
    expect(applyTo({ [name]: 'x' }, change)).not.toHaveProperty(name);
    expect(change.clear).toContain(name);
  });

  it('does not hold the JWT of a workload in a variable, which would need no grant', () => {
    const own = { LAKEPASS_JWT: 'x.y.z', OTHER_JWT: 'a.b.c', HOME: '/h' };
    const principals = [
      { proof: 'env', where: 'LAKEPASS_JWT' },
      { proof: 'env', where: 'OTHER_JWT' },
      { proof: 'file', where: 'HOME' },
      { proof: 'secret', where: null },
    ] as const;
    expect(applyTo(own, withoutWorkloads(change, principals))).toEqual({ HOME: '/h', ...change.set });
    expect(applyTo(own, withoutWorkloads(change, []))).toMatchObject(own);
  });

  it('names the account where the grant is for one, in a profile file too, and no other', () => {
    const account = environmentFor('https://accounts.cloud.databricks.com', 'http://127.0.0.1:1/', '5f0f');
    expect(applyTo({ DATABRICKS_ACCOUNT_ID: 'other' }, account)).toMatchObject({ DATABRICKS_ACCOUNT_ID: '5f0f' });
    expect(account.clear).not.toContain('DATABRICKS_ACCOUNT_ID');
    expect(applyTo({ DATABRICKS_ACCOUNT_ID: 'other' }, change)).not.toHaveProperty('DATABRICKS_ACCOUNT_ID');
    expect(profileSection('a', 'https://accounts.cloud.databricks.com', 'u', '5f0f')).toContain('account_id           = 5f0f');
  });

  it('survives a shell, whatever the values hold', () => {
    const nasty = environmentFor("https://a'b$(exit 3)`x`\\", 'http://127.0.0.1/');
    const printed = execFileSync(
      '/bin/sh',
      ['-c', `${linesFor('sh', nasty)}\nprintf %s "$DATABRICKS_HOST"; printf %s "\${DATABRICKS_TOKEN-unset}"`],
      { env: { DATABRICKS_TOKEN: 't' } },
    );
    expect(String(printed)).toBe("https://a'b$(exit 3)`x`\\unset");
  });
});

describe('a section of a profile file', () => {
  it('holds what a stock SDK needs and nothing else', () => {
    expect(
      profileSection('analytics', 'https://acme.cloud.databricks.com', 'http://127.0.0.1:12345/v1/metadata/secret').split('\n'),
    ).toEqual([
      '[analytics]',
      'host                 = https://acme.cloud.databricks.com',
      'auth_type            = metadata-service',
      'metadata_service_url = http://127.0.0.1:12345/v1/metadata/secret',
    ]);
  });
});
