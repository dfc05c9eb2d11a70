/** What an auditor gets of a log: the right period and person, everything escaped, and of a log with problems nothing proven. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { pseudonymBy } from '../../../main/audit/envelope.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { companyIn, type EvidenceAsked, evidenceSchema, gatherEvidence } from '../../../main/audit/evidence.ts';
import { copyLog, writeSums } from '../../../main/audit/evidence-folder.ts';
import { evidencePage } from '../../../main/audit/evidence-page.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { firstSegment, temporaryFolder } from './audit-folder.ts';
import { generatedLog } from './generated-log.ts';
import { sealed } from './sealed-log.ts';

const signedIn = (subject: string, username: string): AuditEvent => ({
  ...{ type: 'session.signed-in', profile: 'work', issuer: 'https://idp.example/', subject, username, assurance: 'phr', acr: 'phr' },
  ...{ amr: ['hwk'], authTime: null },
});
const signedOut = (subject: string): AuditEvent => ({
  ...{ type: 'session.ended', profile: 'work', subject, why: 'signed-out', refreshToken: 'revoked' },
});
const grant = (id: string, subject: string, workspace = 'https://w.example'): AuditEvent => ({
  ...{ type: 'grant.created', grant: id, profile: 'work', subject, workspace, scopes: ['sql'] },
  ...{ until: '2027-01-01T00:00:00.000Z', label: 'x', approved: 'tap', caller: 'python', callerKind: 'program' },
});
const ended = (id: string): AuditEvent => ({ type: 'grant.ended', grant: id, why: 'revoked' });
const refused = (id: string): AuditEvent => ({
  ...{ type: 'token.refused', grant: id, code: 'GRANT_REVOKED', caller: 'claude', callerKind: 'program', aiAgent: 'Claude Code', count: 3 },
});
const asked = (ask: string): AuditEvent => ({
  ...{ type: 'consent.asked', ask, purpose: 'grant', grant: '', caller: 'python', callerKind: 'program' },
  ...{ workspace: 'https://w.example', scopes: ['sql'], approval: 'tap' },
});
const answered = (ask: string): AuditEvent => ({
  ...{ type: 'consent.answered', ask, purpose: 'grant', verdict: 'approved', how: 'tap', span: 'run', tapKey: 'k1' },
});
const policy = (revision: number): AuditEvent => ({
  ...{ type: 'policy.activated', source: '/p', policy: 'base', revision, digest: 'ab'.repeat(32), mode: 'enforce', approved: 'tap' },
});

async function logOf(before: AuditEvent[], within: AuditEvent[], after: AuditEvent[] = []) {
  const { log, clock, folder, begin, checkpoints } = await sealed();
  log.append({ type: 'agent.started', version: '1', vault: 'memory', port: 20_000 });
  begin();
  for (const event of before) log.append(event);
  await clock.advance(1000);
  const from = clock.now();
  for (const event of within) log.append(event);
  await clock.advance(1000);
  const to = clock.now();
  for (const event of after) log.append(event);
  const key = checkpoints.verifier();
  checkpoints.close();
  await log.close();
  if (key === null) throw new Error('nobody seals');
  return { folder, key, asked: { from, to, person: null, now: to, version: '1.0.0' } as EvidenceAsked };
}
const accessOf = (found: Awaited<ReturnType<typeof gatherEvidence>>) =>
  found.persons.map(({ name, access }) => [name, access.rows.map((row) => row.grant)]);

it('says by person what was open in the period, how it was proven and approved, and nothing that came after', async () => {
  const { folder, asked: of } = await logOf(
    [signedIn('a', 'alice@acme.example'), grant('old', 'a'), grant('gone', 'a'), ended('gone')],
    [grant('new', 'a'), ended('new'), signedIn('b', 'bob@acme.example'), grant('his', 'b')],
    [grant('late', 'a'), ended('old')],
  );
  const found = await gatherEvidence(folder, of);
  expect(accessOf(found)).toEqual([
    ['alice@acme.example', ['new', 'old']],
    ['bob@acme.example', ['his']],
  ]);
  const [closed, open] = found.persons[0]?.access.rows ?? [];
  expect(closed).toMatchObject({
    ended: { why: 'revoked' },
    approvedBy: 'tap',
    proof: { assurance: 'phr', amr: 'hwk' },
    until: '2027-01-01T00:00:00.000Z',
  });
  expect(open).toMatchObject({ ended: null });
  expect(evidenceSchema.safeParse(found).error).toBeUndefined();
});

it('counts refusals by code and the acts of AI agents, with what a record stands for', async () => {
  const { folder, asked: of } = await logOf([], [grant('g', 'a'), refused('g'), refused('g')]);
  const found = await gatherEvidence(folder, of);
  expect(found.refusals).toMatchObject([{ name: 'GRANT_REVOKED', count: 6 }]);
  expect(found.aiAgents).toMatchObject([{ name: 'Claude Code: token.deny', count: 6 }]);
});

it('names with each change of policy and setting what held before, and what held when the period began', async () => {
  const set = (value: string): AuditEvent => ({ type: 'setting.changed', name: 'theme', value, caller: 'x', callerKind: 'program' });
  const { folder, asked: of } = await logOf([policy(3)], [policy(4), set('dark'), set('light')]);
  const { sections, heldBefore } = await gatherEvidence(folder, of);
  expect(heldBefore).toEqual([expect.stringContaining('revision 3')]);
  expect(sections.rules.rows.map(({ before }) => before)).toEqual([expect.stringContaining('revision 3')]);
  expect(sections.settings.rows.map(({ before }) => before)).toEqual([null, 'setting theme: dark']);
});

it('of one person holds nothing of another, whatever their records name', async () => {
  const { folder, asked: of } = await logOf(
    [signedIn('b', 'bob@acme.example'), grant('bobs', 'b'), asked('bob-ask')],
    [
      ...[answered('bob-ask'), refused('bobs'), { type: 'tap-key.lost', key: 'bob-key', name: 'x', person: 'bob@acme.example' } as const],
      ...[{ type: 'token.validation-failed', profile: 'work', rule: 'bob-rule' } as const, ended('bobs'), signedOut('b')],
      ...[signedIn('a', 'Alice@acme.example'), grant('mine', 'a'), refused('mine'), asked('my-ask'), answered('my-ask'), policy(7)],
      ...[signedIn('b', 'bob@acme.example'), asked('whose-ask'), answered('whose-ask'), refused('unknown-grant')],
    ],
  );
  const found = await gatherEvidence(folder, { ...of, person: 'alice@acme.example' });
  expect(accessOf(found)).toEqual([['Alice@acme.example', ['mine']]]);
  expect(found.sections.approvals.rows.map(({ record }) => record.decision?.ask)).toEqual(['my-ask', 'my-ask']);
  expect(found.refusals).toMatchObject([{ count: 3 }]);
  expect(found.sections.rules.rows).toHaveLength(1);
  expect(JSON.stringify(found)).not.toMatch(/bob|whose|unknown/);
});

it.each([
  ['user name', 'ALICE@acme.example'],
  ['subject', 'a'],
])('of one person shows what the bundle says of them under either name, asked for by %s', async (_, person) => {
  const { folder, asked: of } = await logOf([signedIn('b', 'bob@acme.example')], [signedIn('a', 'alice@acme.example')]);
  const exemption = { id: 'e1', rule: 'r', from: '2026-01-01T00:00:00Z', until: '2026-01-01T01:00:00Z', reason: 'x' };
  const bundle = {
    ...{ organization: 'Acme', revision: 1, digest: 'd', signedBy: 'k', expires: '2027-01-01T00:00:00Z', revokedDevices: ['d1'] },
    exemptions: ['alice@acme.example', 'bob@acme.example'].map((whose) => ({ ...exemption, person: whose })),
    revokedPersons: ['a', 'b', 'bob@acme.example'],
  };
  const found = await gatherEvidence(folder, { ...of, person, bundle });
  expect(found.bundle).toMatchObject({ exemptions: [{ person: 'alice@acme.example' }], revokedPersons: ['a'], revokedDevices: [] });
});

it('takes a record of any type, be it one that every object has', async () => {
  const at = Date.parse('2026-01-05T09:00:00Z');
  const folder = generatedLog(['constructor', 'toString.x', '__proto__'].map((type) => ({ at, fields: { type } })));
  const found = await gatherEvidence(folder, { from: at, to: at + 1, person: null, now: at, version: '1' });
  expect(found.records).toBe(3);
});

it('shows people as words where the policy wants it, everywhere', async () => {
  const { folder, asked: of } = await logOf(
    [],
    [
      ...[signedIn('a@acme.example', 'alice@acme.example'), grant('g', 'a@acme.example'), signedOut('a@acme.example')],
      { type: 'offboarding.done', device: 'd', person: 'alice@acme.example', tokens: 1, lastEnds: '', vault: 'erased' },
    ],
  );
  const bundle = { organization: 'Acme', revision: 1, digest: 'd', signedBy: 'k', expires: '2027-01-01T00:00:00Z', revokedDevices: [] };
  const exemption = {
    id: 'e1',
    person: 'alice@acme.example',
    rule: 'r',
    from: '2026-01-01T00:00:00Z',
    until: '2026-01-01T01:00:00Z',
    reason: 'x',
  };
  const found = await gatherEvidence(folder, {
    ...{ ...of, person: 'alice@acme.example', pseudonym: pseudonymBy(Buffer.alloc(32)) },
    bundle: { ...bundle, exemptions: [exemption], revokedPersons: ['alice@acme.example'] },
  });
  expect(found.persons).toHaveLength(1);
  expect(found.bundle?.exemptions).toHaveLength(1);
  expect(JSON.stringify(found) + evidencePage(found, { hasLog: false })).not.toContain('alice');
});

it('knows which bundles were accepted, and whether the device is still managed', async () => {
  const accepted = { type: 'bundle.accepted', organization: 'Acme', revision: 1, digest: 'dd', signedBy: 'kk' } as const;
  const { folder } = await logOf([], [accepted]);
  expect(await companyIn(folder)).toEqual({ isManaged: true, accepted: new Map([['dd', { signedBy: 'kk' }]]) });
  const left = await logOf([accepted], [{ type: 'device.left', organization: 'Acme', device: 'd' }]);
  expect(await companyIn(left.folder)).toMatchObject({ isManaged: false });
});

it('says what is proven of a log, and of a changed one nothing', async () => {
  const { folder, asked: of, key } = await logOf([], [grant('g', 'a')]);
  const whole = await gatherEvidence(folder, { ...of, keys: [key] });
  expect(whole.integrity).toMatchObject({
    ok: true,
    problems: [],
    keysFrom: 'given',
    proven: [expect.any(String), expect.stringContaining(key.id)],
  });
  expect(evidencePage(whole, { hasLog: true })).toContain('Cannot be proven');
  const byAgent = (await gatherEvidence(folder, { ...of, keys: [key], isAgentsKey: true })).integrity;
  expect(byAgent.keysFrom).toBe('agent');
  expect(byAgent.cannotProve).toContainEqual(expect.stringContaining('Whose key it is'));
  const file = firstSegment(folder);
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"python"', '"pythom"'));
  const broken = await gatherEvidence(folder, { ...of, keys: [key] });
  expect(broken.integrity).toMatchObject({
    ok: false,
    proven: [],
    problems: expect.arrayContaining([expect.stringContaining('changed after')]),
  });
  expect(evidencePage(broken, { hasLog: true })).toContain('nothing is proven by it');
});

it('copies the log as it was at one moment, which verifies with the public key alone', async () => {
  const { log, clock, folder, begin, checkpoints } = await sealed();
  log.append({ type: 'agent.started', version: '1', vault: 'memory', port: 20_000 });
  begin();
  for (let n = 0; n < 200; n += 1) log.append(refused(`g${n}`));
  await clock.advance(1000);
  const key = checkpoints.verifier();
  const head = log.head();
  const copy = path.join(temporaryFolder(), 'copy');
  const copying = copyLog(folder, copy);
  for (let n = 0; n < 500; n += 1) log.append(refused('later'));
  await copying;
  expect(await verifyAudit(copy, { keys: key === null ? [] : [key] })).toMatchObject({
    ok: true,
    last: { seq: head.seq, hash: head.hash },
  });
  const bytes = fs.readFileSync(firstSegment(copy));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  fs.writeFileSync(firstSegment(copy), bytes);
  expect(await verifyAudit(copy, { keys: key === null ? [] : [key] })).toMatchObject({ ok: false });
});

it('copies a log whose end was cut off as it is, so that the cut is found', async () => {
  const { folder } = await logOf([], [grant('g', 'a')]);
  fs.truncateSync(firstSegment(folder), fs.statSync(firstSegment(folder)).size - 5);
  const copy = path.join(temporaryFolder(), 'copy');
  await copyLog(folder, copy);
  expect((await verifyAudit(copy)).problems.map(({ problem }) => problem)).toContain('unfinished');
});

it('lists the digests of all that is in the folder', async () => {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'audit'));
  fs.writeFileSync(path.join(folder, 'audit', 'a'), 'abc');
  await writeSums(folder);
  expect(fs.readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8')).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  audit/a\n',
  );
});

it.each(['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'&lt;b&gt;", '</td></table><h1>', 'https://\u202egnp.exe'])(
  'shows %j as the text it is',
  async (name) => {
    const { folder, asked: of } = await logOf([], [signedIn(name, name), asked('q'), grant('g', name, name), signedOut(name)]);
    const found = await gatherEvidence(folder, { ...of, person: name });
    expect(found.persons[0]?.access.rows[0]?.workspace).toBe(name);
    const page = evidencePage(found, { hasLog: true });
    expect(page).not.toContain(name);
    expect(page).not.toMatch(/<(script|img)|<h1>.*<h1>/s);
  },
);

it('allows no script and nothing from elsewhere', async () => {
  const { folder, asked: of } = await logOf([], []);
  const page = evidencePage(await gatherEvidence(folder, of), { hasLog: true });
  expect(page).toContain("default-src 'none'; style-src 'unsafe-inline'");
  expect(page).not.toMatch(/<script|https?:|url\(/);
});

it('lists of a very long log what a person can read, and counts the rest', async () => {
  const at = Date.parse('2026-01-05T09:00:00Z');
  const events = Array.from({ length: 6000 }, (_, n) => [grant(`g${n}`, 'a'), ended(`g${n}`)]).flat();
  const folder = generatedLog(events.map((fields) => ({ at, fields: { ...fields } })));
  const found = await gatherEvidence(folder, { from: at, to: at + 1, person: null, now: at, version: '1' });
  expect(found.persons[0]?.access).toMatchObject({ rows: { length: 5000 }, unlisted: 1000 });
  expect(evidencePage(found, { hasLog: true })).toContain('1000 more rows are not listed here');
});

it('counts no more names than a program may think up', async () => {
  const at = Date.parse('2026-01-05T09:00:00Z');
  const events = Array.from({ length: 2000 }, (_, n) => ({ at, fields: { ...refused('g'), aiAgent: `agent ${n}` } }));
  const found = await gatherEvidence(generatedLog(events), { from: at, to: at + 1, person: null, now: at, version: '1' });
  expect(found.aiAgents).toHaveLength(501);
  expect(found.aiAgents[0]).toMatchObject({ name: 'all others', count: 4500 });
});
