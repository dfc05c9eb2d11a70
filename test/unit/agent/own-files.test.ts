/** Which of the person's own files hold, when, and what it takes to change that. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileKind, type OwnFiles, openOwnFiles } from '../../../main/agent/own-files.ts';
import { AppError } from '../../../main/app-error.ts';
import { contentOf } from '../../../main/net/ca-file.ts';
import { readConfig } from '../../../main/profile/load-config.ts';
import { seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { createTlsIdentity } from '../../fixtures/workspace/tls-door.ts';

const configOf = (client: string): string => `version: 1
profiles:
  acme:
    idp: { issuer: 'https://login.acme.example', clientId: ${client} }
    workspaces: [{ name: main, host: 'https://acme.cloud.databricks.com' }]
`;
const policyOf = (id: string, approval: string): string => `version: 1
id: ${id}
revision: 1
identities: [{ match: { anyone: true }, roles: [person] }]
roles:
  person:
    grants: [{ id: all, workspaces: ['*'], scopes: [sql], approval: ${approval} }]
`;

let folder: string;
let clock: ReturnType<typeof fakeClock>;
let audit: ReturnType<typeof recordingAudit>;
let vault: ReturnType<typeof memoryVault>;
let opened: OwnFiles[];
let wasUsed: boolean;
const places = () => ({ config: join(folder, 'config.yaml'), policy: join(folder, 'policy.yaml') });
const write = (kind: FileKind, text: string): void => writeFileSync(places()[kind], text, { mode: 0o600 });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lpo-'));
  clock = fakeClock();
  audit = recordingAudit();
  vault = memoryVault();
  opened = [];
  wasUsed = false;
});
afterEach(() => {
  for (const files of opened) files.close();
  rmSync(folder, { recursive: true });
});

async function start(ofCompany: NonNullable<Parameters<typeof openOwnFiles>[0]['ofCompany']> = () => null, isAwaited = () => false) {
  const files = await openOwnFiles({
    places: places(),
    vault,
    wasUsed: async () => wasUsed,
    ofCompany,
    isAwaited,
    clock,
    audit,
    log: () => undefined,
  });
  opened.push(files);
  const asked: [FileKind, string][] = [];
  const person = { canAnswer: true };
  files.watch((kind, hash) => {
    if (person.canAnswer) asked.push([kind, hash]);
    return person.canAnswer;
  });
  const codes = (): string[] => files.problems().map(({ code }) => code);
  return { files, asked, person, codes };
}
const clientOf = ({ config }: OwnFiles): string | undefined => config.profiles.get('acme')?.idp.clientId;

const robots = `version: 1
servicePrincipals:
  ci: { clientId: 8d1f20c2-0000-4000-8000-00000000aaaa, workload: { env: JWT }, workspaces: [{ name: main, host: 'https://acme.cloud.databricks.com' }] }
`;

describe('the configuration of whoever manages the device', () => {
  const its = (client: string) => ({ organization: 'Acme', config: readConfig(Buffer.from(configOf(client)), 'bundle') });

  it('holds in the place of the person’s own, which is neither used nor asked about', async () => {
    write('config', configOf('own'));
    const { files, asked, codes } = await start(() => its('company'));
    expect(clientOf(files)).toBe('company');
    expect(files.configApproved()).toBe(true);
    write('config', configOf('changed'));
    await files.look();
    expect([asked, codes()]).toEqual([[], []]);
    expect(files.notes()).toEqual([`The configuration is Acme’s; ${places().config} is not used.`]);
    await files.provenBySignIn();
    expect(clientOf((await start(() => its('company'))).files)).toBe('company');
  });

  it.each([['that nobody has used yet'], ['that was approved']])(
    'that is awaited leaves the person’s own unused, one %s; it is used where the company then has none',
    async (which) => {
      write('config', configOf('own'));
      if (which === 'that was approved') await (await start()).files.provenBySignIn();
      let awaited = true;
      const { files } = await start(
        () => null,
        () => awaited,
      );
      expect([clientOf(files), await files.adopt(), clientOf(files)]).toEqual([undefined, false, undefined]);
      awaited = false;
      expect([await files.adopt(), clientOf(files)]).toEqual([true, 'own']);
    },
  );

  it('that is awaited is what then holds, and not the person’s own', async () => {
    write('config', configOf('own'));
    let current: ReturnType<typeof its> | null = null;
    const { files } = await start(
      () => current,
      () => current === null,
    );
    current = its('company');
    expect([await files.adopt(), clientOf(files)]).toEqual([true, 'company']);
  });

  it('that comes while the agent has none is used at once; a later one of other profiles, with the next start', async () => {
    let current: ReturnType<typeof its> | null = null;
    const { files } = await start(() => current);
    expect(files.config.profiles.size).toBe(0);
    current = its('company');
    expect(await files.adopt()).toBe(true);
    expect(clientOf(files)).toBe('company');
    const { organization, config } = its('company');
    const [profile] = config.profiles.values();
    current = { organization, config: { ...config, profiles: new Map([['globex', { ...profile, name: 'globex' } as never]]) } };
    expect(await files.adopt()).toBe(false);
    await files.followCompany();
    expect(files.notes()[0]).toMatch(/Acme has changed the configuration; it holds from the next start/);
  });

  it('that is new in profiles alone is used at once', async () => {
    const current = its('company');
    const { files } = await start(() => current);
    const taken: unknown[] = [];
    files.onApproved(async (next) => taken.push(next) > 0);
    current.config = its('newer').config;
    await files.followCompany();
    await files.followCompany();
    expect([taken.length, clientOf(files)]).toEqual([1, 'newer']);
    expect(files.notes()).toEqual([expect.stringContaining('is not used')]);
  });

  it('that the company leaves to the person again holds until the next start, which has their own', async () => {
    write('config', configOf('own'));
    let current: ReturnType<typeof its> | null = its('company');
    const { files } = await start(() => current);
    wasUsed = true;
    current = null;
    await files.followCompany();
    expect(clientOf(files)).toBe('company');
    expect(files.notes()).toEqual([expect.stringMatching(/leaves the configuration to you again; it holds from the next start/)]);
    const { files: next, codes } = await start();
    expect([clientOf(next), next.configApproved(), codes()]).toEqual(['own', false, []]);
  });

  it('once the company is left, gives way to the approved one of the person’s own, unlost, now and after a restart', async () => {
    write('config', configOf('own'));
    await (await start()).files.provenBySignIn();
    let current: ReturnType<typeof its> | null = its('company');
    const { files, codes } = await start(() => current);
    wasUsed = true;
    await files.provenBySignIn();
    expect(files.isOwnApproved()).toBe(true);
    files.leaveCompany();
    current = null;
    expect([await files.adopt(), clientOf(files), files.configApproved(), codes()]).toEqual([true, 'own', true, []]);
    const { files: next } = await start();
    expect([clientOf(next), next.configApproved()]).toEqual(['own', true]);
  });

  it('once the company is left, leaves a file that nobody has approved to the sign-in that follows, and loses nothing', async () => {
    let current: ReturnType<typeof its> | null = its('company');
    const { files, codes } = await start(() => current);
    await files.provenBySignIn();
    wasUsed = true;
    expect(files.isOwnApproved()).toBe(false);
    files.leaveCompany();
    current = null;
    expect([await files.adopt(), codes()]).toEqual([false, []]);
    write('config', configOf('own'));
    expect([await files.adopt(), clientOf(files), files.configApproved()]).toEqual([true, 'own', false]);
    expect((await start()).codes()).toEqual([]);
  });

  it('brings none back that was lost before', async () => {
    write('config', configOf('own'));
    await (await start()).files.provenBySignIn();
    await vault.seal('approved-config', Buffer.from('lost'));
    write('config', configOf('another'));
    let current: ReturnType<typeof its> | null = its('company');
    const { files } = await start(() => current);
    await files.provenBySignIn();
    files.leaveCompany();
    current = null;
    await files.adopt();
    expect([clientOf(files), files.lostConfig()?.code]).toEqual([undefined, 'CONFIG_UNAPPROVED']);
  });

  it('is no reason to say that one of before was lost', async () => {
    const { files } = await start(() => its('company'));
    await files.provenBySignIn();
    wasUsed = true;
    expect((await start(() => its('company'))).codes()).toEqual([]);
  });
});

describe('a configuration without people', () => {
  it('has the policy that asks nobody, and says so', async () => {
    write('config', robots);
    const { files } = await start();
    expect([files.policy().id, files.notes().join()]).toEqual(['unattended', expect.stringContaining('without anybody being asked')]);
  });

  it('has it as well where it comes while the agent runs, and not beside people', async () => {
    const { files } = await start();
    expect(files.policy().id).toBe('self-managed');
    write('config', robots);
    await files.adopt();
    expect(files.policy().id).toBe('unattended');
    write('config', configOf('a') + robots.replace('version: 1\n', ''));
    expect((await start()).files.policy().id).toBe('self-managed');
  });

  it('asks a person all the same where a policy was approved that can no longer be read', async () => {
    write('config', robots);
    await vault.seal('approved-policy', Buffer.from('lost'));
    const { files } = await start();
    expect(files.policy().id).toBe('self-managed');
  });

  it('does not hold where somebody has signed in here and nothing says any more what was approved', async () => {
    wasUsed = true;
    write('config', robots);
    const { files } = await start();
    expect([files.policy().id, files.isUnattended(), files.config.servicePrincipals.size]).toEqual(['self-managed', false, 0]);
  });

  it('holds where somebody has signed in before and it was approved', async () => {
    wasUsed = true;
    const config = createHash('sha256').update(robots).digest('hex');
    await vault.seal('approved-config', Buffer.from(robots));
    await vault.seal('approved', Buffer.from(JSON.stringify({ version: 1, config, policy: null, caContent: null })));
    expect((await start()).files.isUnattended()).toBe(true);
  });

  it('is shown as what it is before it is approved', async () => {
    write('config', configOf('a'));
    const { files } = await start();
    await files.provenBySignIn();
    write('config', robots);
    await files.look();
    const [hash = ''] = (await start()).asked.flatMap(([kind, each]) => (kind === 'config' ? [each] : []));
    expect(files.words('config', hash).join('\n')).toMatch(/without anybody being asked[\s\S]*ci: service principal 8d1f20c2-.*\$JWT/);
  });
});

describe('a changed configuration', () => {
  it('is shown with all that would read what is on its way: authorities, and where a token goes for groups', async () => {
    write('config', configOf('a'));
    const { files } = await start();
    await files.provenBySignIn();
    const groups = configOf('a').replace('clientId: a }', "clientId: a, groupsEndpoint: 'https://graph.evil.example/x' }");
    const telemetry = 'telemetry: { metrics: { port: 9464 }, traces: { otlp: { url: "https://evil.example/v1/traces" } } }';
    write('config', `${groups}network: { caFile: /tmp/evil.pem }\n${telemetry}\n`);
    await files.look();
    const [hash = ''] = (await start()).asked.flatMap(([kind, each]) => (kind === 'config' ? [each] : []));
    const words = files.words('config', hash).join('\n');
    expect(words).toMatch(/authorities in \/tmp\/evil\.pem[\s\S]*access token goes to https:\/\/graph\.evil\.example for groups/);
    expect(words).toMatch(/served on port 9464 [\s\S]*goes to https:\/\/evil\.example\/v1\/traces\./);
  });
});

describe('a configuration that has no refresh token bound to a key', () => {
  it('says so before it is approved, and for as long as it holds', async () => {
    write('config', configOf('a'));
    const { files } = await start();
    expect(files.notes().join()).not.toContain('bound');
    await files.provenBySignIn();
    write('config', configOf('a').replace('clientId: a }', 'clientId: a, dpop: off }'));
    const { files: next, asked } = await start();
    const [kind, hash] = asked[0] ?? [];
    expect(next.words('config', hash as string).join('\n')).toContain('refresh tokens not bound to a key');
    await next.approve(kind as FileKind, hash as string, 'tap:k1');
    expect((await start()).files.notes().join()).toMatch(/refresh token of acme is not bound/);
  });
});

describe('a first configuration that comes while the agent runs', () => {
  it('holds once it is adopted, and is approved by the sign-in like any first one', async () => {
    const { files, codes, asked } = await start();
    expect([clientOf(files), await files.adopt()]).toEqual([undefined, false]);
    write('config', configOf('first'));
    await files.look();
    expect(codes()).toEqual(['CONFIG_UNAPPROVED']);
    let changes = 0;
    files.onChange(() => (changes += 1));
    expect(await files.adopt()).toBe(true);
    expect([clientOf(files), codes(), changes, files.configApproved()]).toEqual(['first', [], 1, false]);
    await files.provenBySignIn();
    expect(files.configApproved()).toBe(true);
    expect(audit.of('config.activated')).toMatchObject([{ approved: 'sign-in' }]);
    expect(asked).toHaveLength(1);
  });

  it.each(['adopted', 'approved'])('never takes the place of one that was %s', async (how) => {
    write('config', configOf('first'));
    const { files, codes } = await start();
    if (how === 'approved') await files.provenBySignIn();
    write('config', configOf('second'));
    expect([await files.adopt(), clientOf(files)]).toEqual([false, 'first']);
    await files.look();
    expect(codes()).toEqual(['CONFIG_UNAPPROVED']);
  });

  it('is adopted once, however many ask for it at the same time', async () => {
    const { files } = await start();
    write('config', configOf('first'));
    const both = Promise.all([files.adopt(), files.adopt()]);
    expect([await both, clientOf(files), await files.adopt()]).toEqual([[true, false], 'first', false]);
  });

  it('never takes the place of one that was given up by a reset, until the next start', async () => {
    write('config', configOf('first'));
    const { files } = await start();
    await files.provenBySignIn();
    await files.forgetConfig();
    write('config', configOf('second'));
    expect([await files.adopt(), clientOf(files)]).toEqual([false, 'first']);
  });

  it('that cannot be used says so, and nothing holds', async () => {
    const { files } = await start();
    write('config', 'version: 1\n');
    await expect(files.adopt()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(files.config.profiles.size).toBe(0);
    write('config', configOf('mended'));
    expect([await files.adopt(), clientOf(files)]).toEqual([true, 'mended']);
  });
});

describe('what a person is asked to approve', () => {
  it('is told from another file that says the same of itself, by the start of its SHA-256', async () => {
    const said = async (kind: FileKind, text: string): Promise<string[]> => {
      write(kind, text);
      const { files, asked } = await start();
      const hash = asked.find(([of]) => of === kind)?.[1] ?? '';
      const words = files.words(kind, hash);
      expect(words.at(-1)).toContain(hash.slice(0, 16));
      return words;
    };
    const mine = await said('policy', policyOf('mine', 'tap'));
    const theirs = await said('policy', policyOf('mine', 'tap').replace('[sql]', '[secrets]'));
    expect(theirs).not.toEqual(mine);
  });

  it('of a configuration names where to sign in, and every workspace', async () => {
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    write('config', configOf('first').replaceAll('acme.', 'evil.'));
    const { files, asked } = await start();
    const words = files.words('config', asked[0]?.[1] ?? '').join(' ');
    expect(words).toContain('https://login.evil.example');
    expect(words).toContain('https://evil.cloud.databricks.com');
  });
});

describe('the configuration', () => {
  it('holds as it is found while nobody has approved one', async () => {
    write('config', configOf('first'));
    const { files, asked, codes } = await start();
    expect(clientOf(files)).toBe('first');
    expect([asked, codes()]).toEqual([[], []]);
    expect(audit.of('config.activated')).toEqual([]);
  });

  it('may be mended until somebody signs in with it', async () => {
    write('config', configOf('frist'));
    await start();
    write('config', configOf('first'));
    expect(clientOf((await start()).files)).toBe('first');
  });

  it('is approved by the sign-in, and after that not replaced by a file', async () => {
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    expect(audit.of('config.activated')).toMatchObject([{ approved: 'sign-in' }]);
    write('config', configOf('evil'));
    const { files, asked, codes } = await start();
    expect(clientOf(files)).toBe('first');
    expect(codes()).toEqual(['CONFIG_UNAPPROVED']);
    expect(asked).toMatchObject([['config', expect.stringMatching(/^[0-9a-f]{64}$/)]]);
  });

  it('holds although its file is gone', async () => {
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    rmSync(places().config);
    expect(clientOf((await start()).files)).toBe('first');
  });

  it('that is approved takes effect with the next start, and says so', async () => {
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    write('config', configOf('second'));
    const { files, asked } = await start();
    const [kind, hash] = asked[0] ?? [];
    await files.approve(kind as FileKind, hash as string, 'tap:k1');
    expect(clientOf(files)).toBe('first');
    expect(files.notes().join()).toMatch(/next start/);
    expect(clientOf((await start()).files)).toBe('second');
  });

  it('can be another one after a reset', async () => {
    write('config', configOf('first'));
    const { files } = await start();
    await files.provenBySignIn();
    await files.forgetConfig();
    write('config', configOf('second'));
    expect(clientOf((await start()).files)).toBe('second');
  });

  it('that others could have written stops the start where none was approved, and is passed over where one was', async () => {
    write('config', configOf('first'));
    writeFileSync(places().config, configOf('evil'));
    const { chmodSync } = await import('node:fs');
    chmodSync(places().config, 0o666);
    await expect(start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    chmodSync(places().config, 0o600);
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    chmodSync(places().config, 0o666);
    const { files, codes } = await start();
    expect(clientOf(files)).toBe('first');
    expect(codes()).toEqual(['CONFIG_INVALID']);
  });
});

describe('an approved configuration that can no longer be read', () => {
  it('is not replaced by whatever file lies there, now or at the next start, until a reset', async () => {
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    const broken = { ...vault, open: async (name: string) => Promise.reject(new AppError('VAULT_CORRUPT', { reason: name })) };
    write('config', configOf('evil'));
    const damaged = await openOwnFiles({
      places: places(),
      vault: broken,
      wasUsed: async () => wasUsed,
      clock,
      audit,
      log: () => undefined,
    });
    opened.push(damaged);
    expect(clientOf(damaged)).toBeUndefined();
    const { files, codes } = await start();
    expect(clientOf(files)).toBeUndefined();
    expect(codes()).toContain('CONFIG_UNAPPROVED');
    await files.forgetConfig();
    expect(clientOf((await start()).files)).toBe('evil');
  });
});

describe('records of what was approved that are taken away', () => {
  const all = ['approved', 'approved-config', 'approved-policy'];
  const approvedBoth = async (): Promise<void> => {
    write('config', configOf('first'));
    write('policy', policyOf('mine', 'tap'));
    const { files, asked } = await start();
    await files.provenBySignIn();
    await files.approve('policy', asked.find(([kind]) => kind === 'policy')?.[1] ?? '', 'tap:k1');
    wasUsed = true;
    audit.events.splice(0);
  };

  it.each([[all], [['approved-config', 'approved-policy']]])(
    '(%s) do not make the next files first ones, and that is recorded',
    async (gone) => {
      await approvedBoth();
      for (const name of gone) await vault.erase(name);
      write('config', configOf('evil'));
      write('policy', policyOf('evil', 'none'));
      for (let starts = 0; starts < 2; starts += 1) {
        const { files, codes, asked } = await start();
        expect([clientOf(files), files.policy().id, await files.adopt()]).toEqual([undefined, 'self-managed', false]);
        expect(files.problems().filter(({ reason }) => reason === 'lost')).toHaveLength(2);
        expect(codes()).toContain('CONFIG_UNAPPROVED');
        expect(files.lostConfig()?.toFailure()).toMatchObject({ code: 'CONFIG_UNAPPROVED', reason: 'lost' });
        expect(asked.map(([kind]) => kind).sort()).toEqual(['config', 'policy']);
      }
      expect(audit.of('config.rejected')).toMatchObject([{ code: 'CONFIG_UNAPPROVED' }, { code: 'CONFIG_UNAPPROVED' }]);
      expect(audit.of('policy.rejected')).toMatchObject([{ reason: 'lost' }, { reason: 'lost' }]);
    },
  );

  it('change nothing where the files are what was approved', async () => {
    await approvedBoth();
    for (const name of ['approved-config', 'approved-policy']) await vault.erase(name);
    const { files, codes } = await start();
    expect([clientOf(files), files.policy().id, codes(), files.configApproved()]).toEqual(['first', 'mine', [], true]);
    rmSync(places().config);
    expect(clientOf((await start()).files)).toBe('first');
  });

  it('are not replaced by older ones that somebody has kept', async () => {
    await approvedBoth();
    const older = (await vault.open('approved-config')) ?? Buffer.alloc(0);
    write('config', configOf('second'));
    const { files, asked } = await start();
    await files.approve('config', asked[0]?.[1] ?? '', 'tap:k1');
    expect(clientOf((await start()).files)).toBe('second');
    write('config', older.toString());
    await vault.seal('approved-config', older);
    expect(clientOf((await start()).files)).toBeUndefined();
  });

  it('by a reset are no loss: what lies there then is a first one', async () => {
    await approvedBoth();
    const { files } = await start();
    await files.forgetConfig();
    expect(files.lostConfig()).toBeNull();
    wasUsed = false;
    write('config', configOf('second'));
    expect([clientOf((await start()).files), (await start()).files.policy().id]).toEqual(['second', 'mine']);
  });
});

describe('the file with further authorities', () => {
  const { ca, other } = { ca: createTlsIdentity().ca, other: createTlsIdentity().ca };
  const caFile = () => join(folder, 'ca.pem');
  const withCa = (client: string): string => `${configOf(client)}network: { caFile: '${caFile()}' }\n`;
  const writeCa = (text: string): void => writeFileSync(caFile(), text, { mode: 0o600 });
  const approved = async () => {
    writeCa(ca);
    write('config', withCa('first'));
    const started = await start();
    await started.files.provenBySignIn();
    return started;
  };

  it('counts as it is when the configuration is approved, by a sign-in too', async () => {
    const { files, codes } = await approved();
    expect([files.config.network.caContent, codes()]).toEqual([contentOf(caFile()), []]);
    expect((await start()).files.config.network.caContent).toBe(contentOf(caFile()));
  });

  it('that has changed is asked about, and counts as it was until then', async () => {
    await approved();
    const before = contentOf(caFile());
    writeCa(other);
    const { files, codes, asked } = await start();
    expect([files.config.network.caContent, codes()]).toEqual([before, ['CONFIG_UNAPPROVED']]);
    const [kind, hash] = asked[0] ?? [];
    expect(files.words('config', hash as string).join('\n')).toContain((contentOf(caFile()) ?? '').slice(0, 16));
    files.onApproved(async () => true);
    await files.approve(kind as FileKind, hash as string, 'tap:k1');
    expect([files.config.network.caContent, codes()]).toEqual([contentOf(caFile()), []]);
    await files.look();
    expect((await start()).codes()).toEqual([]);
  });

  it('that changes after it was shown is not approved by that yes', async () => {
    await approved();
    writeCa(other);
    const { files, asked } = await start();
    const shown = contentOf(caFile());
    writeCa(ca + other);
    files.onApproved(async () => true);
    await files.approve('config', asked[0]?.[1] as string, 'tap:k1');
    expect(files.config.network.caContent).toBe(shown);
    expect(shown).not.toBe(contentOf(caFile()));
  });

  it('that is gone or spoilt asks nobody', async () => {
    const { files, codes } = await approved();
    for (const spoil of [() => writeCa('no certificate'), () => rmSync(caFile())]) {
      spoil();
      await files.look();
      expect(codes()).toEqual([]);
    }
  });
});

describe('the policy', () => {
  it('is the built-in one where there is no file', async () => {
    const { files } = await start();
    expect(files.view()).toMatchObject({ id: 'self-managed', source: 'built-in', hash: 'built-in' });
  });

  it('never holds before a person has approved it, the first one included', async () => {
    write('policy', policyOf('mine', 'none'));
    const { files, asked, codes } = await start();
    expect(files.policy().id).toBe('self-managed');
    expect(codes()).toEqual(['POLICY_UNAPPROVED']);
    expect(asked).toHaveLength(1);
    expect(audit.of('policy.activated')).toEqual([]);
  });

  it('holds at once when it is approved, and after a restart, and says what it is', async () => {
    write('policy', policyOf('mine', 'click'));
    const { files, asked, codes } = await start();
    const [kind, hash] = asked[0] ?? [];
    expect(files.words('policy', hash as string).join(' ')).toMatch(/"mine".*click/s);
    await files.approve(kind as FileKind, hash as string, 'tap:k1');
    expect([files.policy().id, codes()]).toEqual(['mine', []]);
    expect(audit.of('policy.activated')).toMatchObject([{ policy: 'mine', approved: 'tap:k1', digest: hash }]);
    expect((await start()).files.view()).toMatchObject({ id: 'mine', source: places().policy });
  });

  it('is not approved by a yes to what the file said before', async () => {
    write('policy', policyOf('shown', 'tap'));
    const { files, asked } = await start();
    write('policy', policyOf('slipped', 'none'));
    await files.look();
    await expect(files.approve('policy', asked[0]?.[1] as string, 'tap:k1')).rejects.toMatchObject({ code: 'ASK_UNKNOWN' });
    expect(files.policy().id).toBe('self-managed');
    expect(asked).toHaveLength(2);
  });

  it('that was approved holds while a changed file waits, and while a broken one says where it is broken', async () => {
    write('policy', policyOf('mine', 'tap'));
    const { files, asked, codes } = await start();
    await files.approve('policy', asked[0]?.[1] as string, 'tap:k1');
    write('policy', policyOf('evil', 'none'));
    await clock.advance(seconds(10));
    await expect.poll(codes).toEqual(['POLICY_UNAPPROVED']);
    write('policy', 'version: 1\nid: broken\nroles: 7\n');
    await files.look();
    expect(files.problems()).toMatchObject([{ code: 'POLICY_INVALID', detail: expect.stringContaining('policy.yaml') }]);
    expect(files.policy().id).toBe('mine');
    expect(audit.of('policy.rejected')).toHaveLength(1);
  });

  it('is asked about once, and again only when it can be answered or has changed', async () => {
    write('policy', policyOf('mine', 'tap'));
    const { files, asked, person } = await start();
    await files.look();
    expect(asked).toHaveLength(1);
    person.canAnswer = false;
    write('policy', policyOf('other', 'tap'));
    await files.look();
    expect(asked).toHaveLength(1);
    person.canAnswer = true;
    await files.look();
    await files.look();
    expect(asked).toHaveLength(2);
  });

  it('that was approved and can no longer be read leaves the built-in one, and is said', async () => {
    await vault.seal('approved-policy', Buffer.from('version: 0\n'));
    const { files, codes } = await start();
    expect(files.policy().id).toBe('self-managed');
    expect(codes()).toEqual(['POLICY_UNAPPROVED']);
  });

  it('of a configuration is none: the bytes of one kind never hold as the other', async () => {
    write('config', configOf('first'));
    await (await start()).files.provenBySignIn();
    write('policy', configOf('first'));
    const { files, codes } = await start();
    expect(files.policy().id).toBe('self-managed');
    expect(codes()).toEqual(['POLICY_INVALID']);
  });
});
