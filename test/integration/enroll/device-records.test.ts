/**
 * The whole road of a tap key that a company wants: enrolled at the page, counted, told to the company in a folder, and judged there by
 * its IT, with an agent composed over real sockets, a provider and a software key.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { compose, type Running } from '../../../main/compose.ts';
import { collectRecords } from '../../../main/enroll/admin/records-folder.ts';
import { type FindingKind, review } from '../../../main/enroll/admin/review.ts';
import { thumbprintOf, verifyBundle } from '../../../main/enroll/bundle.ts';
import type { BundleInput } from '../../../main/enroll/bundle-schema.ts';
import { nodePorts } from '../../../main/host-ports.ts';
import { callUi } from '../../../main/pages/ui-agent.ts';
import { findPlaces } from '../../../main/places.ts';
import { type EpochMs, hours } from '../../../main/units.ts';
import { grantRequestSchema } from '../../../preload/contract/control.ts';
import { type Idp, startIdp } from '../../fixtures/idp/idp.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { scriptedPerson } from '../../fixtures/scripted-person.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { signedBundle, signingKey } from '../../unit/enroll/setting.ts';

let home: string;
let running: Running | undefined;
let idp: Idp;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'lpr-'));
  idp = await startIdp();
});
afterEach(async () => {
  await running?.close('test');
  await idp.close();
  rmSync(home, { recursive: true });
});

/** As a browser comes back from the provider; Node's own fetch would say that it is a script of a page. */
const visit = (url: URL): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => answer.resume().once('end', () => resolve(answer.headers.location))).once('error', reject);
  });

const day = hours(24);

async function managedAgent(tapKeys: NonNullable<BundleInput['tapKeys']>) {
  const folder = join(home, 'collected');
  mkdirSync(folder);
  const key = await signingKey();
  const config = `version: 1
profiles:
  acme:
    test: true
    idp: { issuer: '${idp.issuer}', clientId: '${idp.clientId}', scopes: [openid, profile, email, offline_access] }
    workspaces: [{ name: main, host: 'http://127.0.0.1:9' }]
`;
  const dates = { issuedAt: new Date(Date.now() - day).toISOString(), expires: new Date(Date.now() + day).toISOString() };
  const bytes = await signedBundle([key], { ...dates, config, tapKeys, records: { folder } });
  const ports = nodePorts({ vault: 'memory', log: () => undefined });
  const fetch: typeof globalThis.fetch = async (url, init) =>
    String(url).startsWith('https://it.acme.example/') ? new Response(new Uint8Array(bytes)) : ports.fetch(url, init);
  const invitation = { url: 'https://it.acme.example/b.json', thumbprint: await thumbprintOf(key.publicKey) };
  const uid = process.getuid?.() ?? -1;
  const agent = await compose(
    { ...ports, fetch, watchDesktop: undefined, openBrowser: async () => 'none' },
    {
      ...{ places: findPlaces({ home, env: {}, uid }), uid, version: '0.0.0', onStop: () => undefined },
      managed: {
        managed: { managedBy: 'Acme', invitation, settings: {}, source: '/etc/lakepass/managed.json', hash: 'ab'.repeat(32) },
        problem: null,
      },
    },
  );
  running = agent;
  await vi.waitFor(() => expect(agent.agent.status().profiles).toMatchObject([{ name: 'acme' }]), { timeout: 30_000 });
  const found = async (expected: string[] = []): Promise<FindingKind[]> => {
    const against = {
      models: null,
      expected,
      now: Date.now() as EpochMs,
      longest: day,
      bundle: await verifyBundle(bytes, [key.publicKey]),
    };
    return (await review(await collectRecords(folder), against)).findings.map(({ what }) => what);
  };
  return { agent, folder, found };
}

/** Signs in at the provider. @returns the page for the first tap key */
async function signIn({ ui, self, agent }: Running): Promise<URL> {
  const atProvider = createSoftwareKey();
  await idp.enrol('alice', atProvider);
  const { url } = (await callUi(ui, 'sign-in', {}, await self())) as { url: string };
  let at = await scriptedBrowser({ key: atProvider, username: 'alice' }).authorize(new URL(url));
  while (at.hostname !== 'lakepass.localhost') at = new URL((await visit(at)) ?? 'about:blank', at);
  await agent.signInOutcome('acme');
  return at;
}

/** What came of asking for a grant that nobody approves. */
async function asked({ agent, self }: Running): Promise<string> {
  const stop = new AbortController();
  const lines: { failure?: { code: string }; asking?: unknown }[] = [];
  const asking = await agent.makeGrant(grantRequestSchema.parse({ scopes: ['sql'], binding: 'run', label: '' }), await self());
  await asking((line) => {
    lines.push(line as (typeof lines)[number]);
    if ('asking' in line) stop.abort();
  }, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return lines.some((line) => line.asking !== undefined) ? 'asking' : (lines[0]?.failure?.code ?? 'nothing');
}

it('a key that is wanted is enrolled, counted, told to the company and judged there', async () => {
  const { agent, folder, found } = await managedAgent({ atLeast: 2, attested: false, hardwareBound: true });
  const managed = () => agent.agent.status().managed;
  // Told at the enrolment, before anybody has signed in.
  await vi.waitFor(() => expect(managed()?.record).toMatchObject({ waiting: 0, fields: { person: null, keys: [] } }), { timeout: 30_000 });
  expect(await found(['alice@acme.test'])).toEqual(['missing']);

  const page = await signIn(agent);
  expect(await asked(agent)).toBe('TAP_KEYS_WANTED');
  const key = createSoftwareKey();
  const synced = createSoftwareKey({ backupEligible: true });
  const person = scriptedPerson({ key: synced });
  const ceremony = await person.openCeremony(page);
  await expect(ceremony.tap('Synced')).rejects.toMatchObject({ code: 'TAP_KEY_NOT_ALLOWED' });
  expect(agent.agent.status().tapKeys).toEqual([]);

  const again = await signIn(agent);
  await (await scriptedPerson({ key }).openCeremony(again)).tap('First');
  expect(managed()?.tapKeys).toMatchObject({ counted: 1, wanted: { atLeast: 2 }, keys: [{ counts: true, because: 'allowed' }] });
  expect(agent.agent.status().warnings).toContain('Acme wants 2 tap keys of you; 1 of 2 is enrolled and counts.');
  expect(await asked(agent)).toBe('TAP_KEYS_WANTED');
  await vi.waitFor(() => expect(managed()?.record?.fields?.keys).toHaveLength(1), { timeout: 30_000 });
  const username = managed()?.record?.fields?.person?.username ?? '';
  expect(await found([username])).toEqual(['too-few-keys']);

  // The second one is enrolled beside the first.
  const { url } = (await callUi(agent.ui, 'ceremony/begin', { kind: 'enrol' }, await agent.self())) as { url: string };
  const second = createSoftwareKey();
  const beside = await scriptedPerson({ key }).openCeremony(url);
  const { id, options } = (await beside.post('/v1/ceremony/options')) as { id: string; options: Parameters<typeof key.get>[0] };
  const origin = new URL(url).origin;
  await beside.post('/v1/ceremony/finish', { id, response: key.get(options, origin), name: '' });
  const next = (await beside.post('/v1/ceremony/options')) as { id: string; options: Parameters<typeof key.create>[0] };
  await beside.post('/v1/ceremony/finish', { id: next.id, response: second.create(next.options, origin), name: 'Second' });
  await vi.waitFor(() => expect(managed()?.record?.fields?.keys).toHaveLength(2), { timeout: 30_000 });
  expect(managed()?.tapKeys?.counted).toBe(2);
  expect(await found([username, managed()?.device ?? ''])).toEqual([]);
  expect(await asked(agent)).toBe('asking');
  expect(readdirSync(folder).every((name) => name.startsWith(`${managed()?.device}-`) && name.endsWith('.jws'))).toBe(true);
  expect(
    (await agent.agent.auditTail(100)).records.filter((record) => (record as { type: string }).type === 'device.record-sent').length,
  ).toBeGreaterThanOrEqual(3);
});
