import { chmod, chown } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../main/profile/load-config.ts';
import { hours, seconds } from '../../../main/units.ts';
import { configFile, failureOf, goodConfig } from './config-file.ts';

describe('loadConfig', () => {
  it('reads a profile with its defaults, lengths of time in milliseconds and the workspace as an origin', async () => {
    const { profiles } = await loadConfig(await configFile(goodConfig));
    const acme = profiles.get('acme');
    expect(acme).toMatchObject({
      name: 'acme',
      test: false,
      subjectToken: 'id_token',
      idp: { issuer: 'https://login.acme.example/', redirect: { ports: [], path: '/callback' }, clockTolerance: seconds(60) },
      limits: { lease: seconds(90), session: hours(24) },
      workspaces: [{ name: 'prod', host: 'https://acme.cloud.databricks.com' }],
    });
  });

  it('reads which file of authorities is believed, by its whole path', async () => {
    expect((await loadConfig(await configFile(goodConfig))).network).toEqual({});
    const { network } = await loadConfig(await configFile(`${goodConfig}network: { caFile: /etc/acme/ca.pem }\n`));
    expect(network).toEqual({ caFile: '/etc/acme/ca.pem' });
    expect(await failureOf(`${goodConfig}network: { caFile: ca.pem }\n`)).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await failureOf(`${goodConfig}network: { verify: false }\n`)).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('says CONFIG_MISSING with the path it looked at when there is no file', async () => {
    const file = `${await configFile('')}.nowhere`;
    await expect(loadConfig(file)).rejects.toMatchObject({ code: 'CONFIG_MISSING', detail: expect.stringContaining(file) });
  });

  it('says CONFIG_INVALID for a folder in place of the file', async () => {
    const file = await configFile('');
    await expect(loadConfig(file.slice(0, file.lastIndexOf('/')))).rejects.toMatchObject({ code: 'CONFIG_INVALID', reason: 'unreadable' });
  });

  it('refuses a file larger than 256 KiB before parsing it', async () => {
    expect(await failureOf(`${goodConfig}#${'x'.repeat(256 * 1024)}`)).toMatchObject({ code: 'CONFIG_INVALID', reason: 'size' });
  });

  it('refuses a file that others can write: it says whom we trust', async () => {
    const file = await configFile(goodConfig);
    await chmod(file, 0o660);
    expect((await loadConfig(file)).profiles.size).toBe(1);
    await chmod(file, 0o646);
    await expect(loadConfig(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID', reason: 'mode' });
  });

  it.runIf(process.getuid?.() === 0)('refuses a file of another user, and one that another group can write', async () => {
    const file = await configFile(goodConfig);
    await chown(file, 12_345, process.getgid?.() ?? 0);
    await expect(loadConfig(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID', reason: 'owner' });
    await chown(file, 0, 12_345);
    await chmod(file, 0o660);
    await expect(loadConfig(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID', reason: 'mode' });
  });

  it.each<[string, string, string, RegExp]>([
    ['a misspelled key, naming the nearest', goodConfig.replace('clientId', 'clientid'), '6:7', /"clientId"/],
    [
      'an unknown key far from any other, listing the known',
      goodConfig.replace('    limits:', '    colour: red\n    limits:'),
      '7:5',
      /workspaces/,
    ],
    ['an unknown key at the top', `${goodConfig}sessions: {}\n`, '12:1', /version, profiles/],
    ['a missing key, at the map it is missing from', goodConfig.replace('      clientId: lakepass\n', ''), '5:7', /clientId is missing/],
    ['a length of time without unit', goodConfig.replace('90 s', '90'), '8:14', /lease/],
    ['a lease under a minute', goodConfig.replace('90 s', '59 s'), '8:14', /sixty seconds/i],
    ['a profile name with capitals', goodConfig.replace('acme:', 'Acme:'), '3:3', /lower-case/],
    ['another version', goodConfig.replace('version: 1', 'version: 2'), '1:10', /version/],
    ['a key that stands twice', goodConfig.replace('clientId: lakepass', 'clientId: a\n      clientId: b'), '7:7', /one of them/],
    ['tabs for indentation', goodConfig.replace('      issuer', '\tissuer'), '5:1', /spaces/],
    ['an unclosed bracket', goodConfig.replace('version: 1', 'version: "1'), '12:1', /quotes/],
    ['a YAML tag', goodConfig.replace('version: 1', 'version: !!js/function 1'), '1:10', /tag/],
    ['two documents', `${goodConfig}---\n${goodConfig}`, '12:1', /document/],
    ['a key that is not text', goodConfig.replace('    limits:', '    1: x\n    limits:'), '7:5', /key/],
    ['a __proto__ key', goodConfig.replace('    limits:', '    __proto__: {test: true}\n    limits:'), '7:5', /key/],
    ['no profile at all', 'version: 1\nprofiles: {}\n', '2:11', /profile/],
    ['an empty file', '', '1:1', /the file/],
    ['a list at the top', '- 1\n', '1:1', /the file/],
    ['a scope with a space', goodConfig.replace('    limits:', '      scopes: [openid, "a b"]\n    limits:'), '7:24', /one word/],
    ['scopes without openid', goodConfig.replace('    limits:', '      scopes: [email]\n    limits:'), '7:15', /openid/],
  ])('refuses %s and names the place and the fix', async (_, content, place, fix) => {
    const failure = await failureOf(content);
    expect(failure.code).toBe('CONFIG_INVALID');
    expect(failure.detail).toContain(`config.yaml:${place}:`);
    expect(failure.detail).toMatch(fix);
  });

  describe('service principals', () => {
    const id = '8d1f20c2-0000-4000-8000-00000000aaaa';
    const robot = (lines: string, name = 'ci', host = 'https://acme.cloud.databricks.com') =>
      `version: 1\nservicePrincipals:\n  ${name}:\n    clientId: ${id}\n${lines}    workspaces: [{ name: main, host: '${host}' }]\n`;

    it('stand apart from profiles, with their defaults, and need none beside them', async () => {
      const { profiles, servicePrincipals } = await loadConfig(await configFile(robot('    secret: vault\n')));
      expect(profiles.size).toBe(0);
      expect(servicePrincipals.get('ci')).toMatchObject({
        ...{ name: 'ci', clientId: id, secret: 'vault', rotateAfter: hours(90 * 24), limits: { grant: hours(24), lease: seconds(300) } },
        workspaces: [{ name: 'main', host: 'https://acme.cloud.databricks.com' }],
      });
    });

    it.each<[string, string, RegExp]>([
      ['neither a secret nor a workload', robot(''), /either `secret: vault` or `workload:`/],
      ['both', robot('    secret: vault\n    workload: { env: JWT }\n'), /either/],
      ['a secret in the file itself', robot('    secret: dose0123456789\n'), /secret/],
      ['a relative path', robot('    workload: { file: token }\n'), /workload/],
      ['a variable that is none', robot('    workload: { env: "A B" }\n'), /workload/],
      ['a client id that is no UUID', robot('    secret: vault\n').replace(id, 'ci-client'), /UUID/],
      ['a reminder after more than 730 days', robot('    secret: vault\n    rotateAfter: 731 d\n'), /730/],
      ['plain http', robot('    secret: vault\n', 'ci', 'http://127.0.0.1:4000'), /servicePrincipals\.ci\.workspaces\.0\.host/],
      ['an account host without its account', robot('    secret: vault\n', 'ci', 'https://accounts.cloud.databricks.com'), /accountId/],
    ])('are refused: %s', async (_, content, fix) => {
      const failure = await failureOf(content);
      expect(failure.code).toMatch(/^CONFIG_(INVALID|PLAIN_HTTP)$/);
      expect(failure.detail).toMatch(fix);
      expect(failure.detail).not.toContain('dose0123456789');
    });

    it.each(['https://acme.evil.example', 'https://cloud.databricks.com.evil.example', 'https://evildatabricks.com', 'https://[::1]'])(
      'whose JWT would go to %s, which is neither of Databricks nor this machine, are refused',
      async (host) => {
        for (const workload of ['{ env: JWT }', '{ file: /run/jwt }'])
          expect(await failureOf(robot(`    workload: ${workload}\n`, 'ci', host))).toMatchObject({
            code: 'CONFIG_INVALID',
            detail: expect.stringContaining('a host in a domain of Databricks'),
          });
        expect((await loadConfig(await configFile(robot('    secret: vault\n', 'ci', host)))).servicePrincipals.size).toBe(1);
      },
    );

    it.each(['https://acme.cloud.databricks.com', 'https://adb-1.2.azuredatabricks.net', 'https://127.0.0.1:8443'])(
      'whose JWT goes to %s are as they should be',
      async (host) => {
        const { servicePrincipals } = await loadConfig(await configFile(robot('    workload: { env: JWT }\n', 'ci', host)));
        expect(servicePrincipals.get('ci')?.workspaces).toMatchObject([{ host }]);
      },
    );

    it('are refused under the name of a profile', async () => {
      const both = goodConfig + robot('    secret: vault\n', 'acme').replace('version: 1\n', '');
      expect(await failureOf(both)).toMatchObject({ code: 'CONFIG_INVALID', detail: expect.stringContaining('has this name already') });
    });

    it('that people act as are refused where tokens are the provider’s own', async () => {
      const list = `    tokens: direct\n    subjectToken: access_token\n    federation: { servicePrincipals: [{ group: a, clientId: ${id} }] }\n`;
      expect((await failureOf(goodConfig.replace('    limits:', `${list}    limits:`))).detail).toMatch(/servicePrincipals cannot be used/);
    });
  });

  it('refuses an alias bomb without unfolding it', async () => {
    const bomb = Array.from({ length: 12 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}*a${level}]`);
    const failure = await failureOf(`a0: &a0 [x]\n${bomb.join('\n')}\n`);
    expect(failure.code).toBe('CONFIG_INVALID');
    expect(failure.detail).toContain('alias');
  });

  it('refuses brackets nested a hundred thousand deep without falling over', async () => {
    expect((await failureOf('['.repeat(100_000))).code).toBe('CONFIG_INVALID');
  });

  it('never quotes a value of the file', async () => {
    const failure = await failureOf(goodConfig.replace('90 s', 'dapi0123456789').replace('version: 1', 'version: 1'));
    expect(JSON.stringify(failure.toFailure())).not.toContain('dapi0123456789');
  });

  it.each([
    'https://login.acme.example/?tenant=1',
    'https://login.acme.example/#x',
    'https://user@login.acme.example/',
    'https://user:pass@login.acme.example/',
    'https:\\\\login.acme.example',
    'ftp://login.acme.example',
    'javascript:alert(1)',
    'login.acme.example',
  ])('refuses %s as an issuer', async (issuer) => {
    expect(await failureOf(goodConfig.replace('https://login.acme.example/', JSON.stringify(issuer)))).toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining(':5:15:'),
    });
  });

  it.each([
    'https://acme.cloud.databricks.com/?o=123',
    'https://acme.cloud.databricks.com/sql',
    'https://acme.cloud.databricks.com#x',
    'https://user@acme.cloud.databricks.com',
    'https://acme.cloud.databricks.com\\evil',
    'acme.cloud.databricks.com',
  ])('refuses %s as a workspace', async (host) => {
    expect(await failureOf(goodConfig.replace('https://acme.cloud.databricks.com/', JSON.stringify(host)))).toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining(':11:15:'),
    });
  });

  it.each(['name: prod\n        host: https://other.example', 'name: two\n        host: https://ACME.cloud.databricks.com:443'])(
    'refuses a second workspace with the same name or host (%j)',
    async (second) => {
      const failure = await failureOf(`${goodConfig}      - ${second}\n`);
      expect(failure).toMatchObject({ code: 'CONFIG_INVALID', detail: expect.stringContaining(':12:9:') });
    },
  );
});
