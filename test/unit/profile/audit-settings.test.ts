/** Where records may be sent to, as the configuration file says it. */
import { describe, expect, it } from 'vitest';
import { placeOfSink } from '../../../main/profile/audit-settings.ts';
import { loadConfig } from '../../../main/profile/load-config.ts';
import { configFile, failureOf, goodConfig } from './config-file.ts';

const withAudit = (audit: string): string => `${goodConfig}audit:\n${audit.replace(/^/gm, '  ')}\n`;

it('has no sink, no pseudonyms and refuses on a full disk where the file says nothing', async () => {
  expect((await loadConfig(await configFile(goodConfig))).audit).toEqual({ diskFull: 'refuse', pseudonymize: false, sinks: [] });
});

it('reads a collector and a folder', async () => {
  const audit = `pseudonymize: true
sinks:
  - name: company
    otlp:
      url: https://otel.acme.example/v1/logs
      tokenFrom: { file: /etc/acme/otel-token }
  - name: lake
    folder: /var/spool/acme`;
  expect((await loadConfig(await configFile(withAudit(audit)))).audit).toMatchObject({
    pseudonymize: true,
    sinks: [
      { name: 'company', otlp: { url: 'https://otel.acme.example/v1/logs', tokenFrom: { file: '/etc/acme/otel-token' } } },
      { name: 'lake', folder: '/var/spool/acme' },
    ],
  });
});

describe('a sink', () => {
  it.each(['http://localhost:4318/v1/logs', 'http://127.0.0.1:4318/v1/logs', 'https://otel.acme.example:4318/v1/logs?tenant=1'])(
    'at %s is accepted',
    async (url) => {
      const { audit } = await loadConfig(await configFile(withAudit(`sinks: [{ name: a, otlp: { url: "${url}" } }]`)));
      expect(audit.sinks).toMatchObject([{ otlp: { url } }]);
    },
  );

  it.each([
    ['plain http', '{ name: a, otlp: { url: "http://otel.acme.example/v1/logs" } }'],
    ['plain http to what only looks like this machine', '{ name: a, otlp: { url: "http://127.0.0.1.evil.example/v1/logs" } }'],
    ['another scheme', '{ name: a, otlp: { url: "ftp://otel.acme.example/" } }'],
    ['a password in its address', '{ name: a, otlp: { url: "https://me:secret@otel.acme.example/" } }'],
    ['a token in the file itself', '{ name: a, otlp: { url: "https://otel.acme.example/", token: "secret" } }'],
    ['a token file that is no whole path', '{ name: a, otlp: { url: "https://otel.acme.example/", tokenFrom: { file: token } } }'],
    ['neither of the two', '{ name: a }'],
    ['both', '{ name: a, folder: /spool, otlp: { url: "https://otel.acme.example/" } }'],
    ['a folder that is no whole path', '{ name: a, folder: spool }'],
    ['a name that is a path', '{ name: ../a, folder: /spool }'],
    ['a key that is not there', '{ name: a, folder: /spool, colour: red }'],
    ['the name of another', '{ name: a, folder: /spool }, { name: a, folder: /other }'],
  ])('with %s is refused, and no value is quoted', async (_, sink) => {
    const failure = await failureOf(withAudit(`sinks: [${sink}]`));
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID', detail: expect.stringMatching(/config\.yaml:\d+:\d+/) });
    expect(failure.message).not.toMatch(/secret/);
  });
});

describe('a table', () => {
  const table = (more: string): string =>
    `sinks:\n  - name: lake\n    databricks:\n      warehouse: w1\n      table: main.audit.lakepass\n${more}`;
  const principal = `servicePrincipals:
  writer:
    clientId: 8d1f20c2-0000-4000-8000-00000000aaaa
    secret: vault
    workspaces: [{ name: lake, host: 'https://lake.cloud.databricks.com' }]
`;

  it('is written by a person or by a service principal of the file', async () => {
    for (const profile of ['acme', 'writer']) {
      const workspace = profile === 'acme' ? 'prod' : 'lake';
      const text = `${withAudit(table(`      profile: ${profile}\n      workspace: ${workspace}`))}${principal}`;
      const { audit } = await loadConfig(await configFile(text));
      expect(audit.sinks).toEqual([{ name: 'lake', databricks: { profile, workspace, warehouse: 'w1', table: 'main.audit.lakepass' } }]);
      expect(audit.sinks.map(placeOfSink)).toEqual([`main.audit.lakepass (${profile}, ${workspace})`]);
    }
  });

  it.each([
    ['a profile that is not there', '      profile: other', ':18:', 'No profile'],
    ['a workspace that is not there', '      profile: acme\n      workspace: other', ':19:', 'which workspace'],
  ])('of %s is refused where it stands', async (_, more, line, words) => {
    const { code, detail = '' } = await failureOf(withAudit(table(more)));
    expect([code, detail]).toEqual(['CONFIG_INVALID', expect.stringContaining(words)]);
    expect(detail).toContain(`config.yaml${line}`);
    expect(detail).not.toContain('other');
  });
});
