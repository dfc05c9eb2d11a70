/** `lakepass evidence` from end to end, without an agent: what lies in the folder, and when there is none. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { evidenceSchema } from '../../../main/audit/evidence.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { makeEvidence } from '../../../main/cli/verbs/evidence.ts';
import { readAccepted, thumbprintOf } from '../../../main/enroll/bundle.ts';
import { firstSegment, temporaryFolder } from '../audit/audit-folder.ts';
import { sealed } from '../audit/sealed-log.ts';
import { signedBundle, signingKey } from '../enroll/setting.ts';

const signedIn: AuditEvent = {
  ...{ type: 'session.signed-in', profile: 'work', issuer: 'https://idp.example/', subject: 'a', username: 'alice@acme.example' },
  ...{ assurance: 'phr', acr: 'phr', amr: ['hwk'], authTime: null },
};
const period = { from: '2026-01-05', to: '2026-01-06' };

/** A home whose log holds these, and a place for the folder. */
async function homeWith(...events: AuditEvent[]) {
  const home = temporaryFolder();
  const { log, folder, begin, checkpoints } = await sealed({ folder: path.join(home, 'state', 'audit') });
  log.append({ type: 'agent.started', version: '1', vault: 'memory', port: 20_000 });
  begin();
  for (const event of events) log.append(event);
  const { pem = '', verifier = '' } = checkpoints.key() ?? {};
  const key = checkpoints.verifier();
  checkpoints.close();
  await log.close();
  if (key === null) throw new Error('nobody seals');
  return { home, folder, out: path.join(home, 'out'), pem, verifier, key };
}
const read = (out: string) => evidenceSchema.parse(JSON.parse(fs.readFileSync(path.join(out, 'evidence.json'), 'utf8')));
const accepted = async (key: Awaited<ReturnType<typeof signingKey>>, bytes: Buffer): Promise<AuditEvent> => ({
  ...{ type: 'bundle.accepted', organization: 'Acme', revision: 1, digest: readAccepted(bytes).hash },
  signedBy: await thumbprintOf(key.publicKey),
});

it('makes a folder that verifies on its own, with the key that was given', async () => {
  const { home, out, verifier, key, pem } = await homeWith(signedIn);
  await makeEvidence({ home, out, ...period, key: [verifier] });
  expect(fs.readdirSync(out).sort()).toEqual(['HOW-TO-VERIFY.txt', 'SHA256SUMS', 'audit', 'device-key.pem', 'evidence.json', 'index.html']);
  expect(fs.readFileSync(path.join(out, 'device-key.pem'), 'utf8')).toBe(pem);
  const copy = path.join(out, 'audit');
  expect(await verifyAudit(copy, { keys: [key] })).toMatchObject({ ok: true });
  expect(read(out)).toMatchObject({
    pseudonymous: false,
    persons: [{ name: 'alice@acme.example' }],
    integrity: { ok: true, keysFrom: 'given' },
  });
  fs.writeFileSync(firstSegment(copy), fs.readFileSync(firstSegment(copy), 'utf8').replace('alice', 'alicf'));
  expect(await verifyAudit(copy, { keys: [key] })).toMatchObject({ ok: false });
});

it('says that another key never sealed the log', async () => {
  const [ours, others] = [await homeWith(signedIn), await homeWith(signedIn)];
  const before = process.exitCode;
  await makeEvidence({ home: ours.home, out: ours.out, ...period, key: [others.verifier] });
  expect(process.exitCode).toBe(1);
  process.exitCode = before;
  expect(read(ours.out).integrity).toMatchObject({ ok: false, proven: [] });
});

it('of one person leaves the log out, for others are in it', async () => {
  const { home, out } = await homeWith(signedIn);
  await makeEvidence({ home, out, ...period, person: 'alice@acme.example' });
  expect(fs.readdirSync(out).sort()).toEqual(['SHA256SUMS', 'evidence.json', 'index.html']);
});

it('shows the exemptions of a bundle that the log names as accepted', async () => {
  const key = await signingKey();
  const exemption = {
    id: 'e0123456789abcdef',
    username: 'alice@acme.example',
    rule: 'r',
    from: '2026-01-05T08:00:00Z',
    until: '2026-01-05T09:00:00Z',
    reason: 'x',
  };
  const bytes = await signedBundle([key], { exemptions: [exemption] });
  const { home, out } = await homeWith(signedIn, await accepted(key, bytes));
  fs.writeFileSync(path.join(home, 'bundle'), bytes);
  await makeEvidence({ home, out, ...period, bundle: path.join(home, 'bundle') });
  expect(read(out)).toMatchObject({ pseudonymous: false, bundle: { exemptions: [{ person: 'alice@acme.example' }] } });
});

it('refuses a bundle that the log does not name, also by the same key', async () => {
  const key = await signingKey();
  const { home, out } = await homeWith(await accepted(key, await signedBundle([key])));
  fs.writeFileSync(path.join(home, 'bundle'), await signedBundle([key], { revision: 2 }));
  await expect(makeEvidence({ home, out, ...period, bundle: path.join(home, 'bundle') })).rejects.toMatchObject({
    ...{ code: 'INPUT_INVALID', reason: 'bundle' },
  });
  expect(fs.existsSync(out)).toBe(false);
});

it('takes a policy of the company that is not here for one that wants pseudonyms', async () => {
  const key = await signingKey();
  const { home, out } = await homeWith(signedIn, await accepted(key, await signedBundle([key])));
  await makeEvidence({ home, out, ...period });
  expect(fs.readdirSync(out)).not.toContain('audit');
  for (const name of ['index.html', 'evidence.json']) expect(fs.readFileSync(path.join(out, name), 'utf8')).not.toContain('alice');
  expect(read(out).persons).toMatchObject([{ name: expect.stringMatching(/^p-[0-9a-f]{32}$/) }]);
});

const config = (audit: string): string => `version: 1
audit: ${audit}
profiles:
  acme:
    idp: { issuer: https://idp.acme.example, clientId: lakepass }
    workspaces: [{ name: main, host: https://acme.cloud.databricks.com }]
`;

it.each([
  ['wants pseudonyms', config('{ pseudonymize: true }'), true],
  ['does not', config('{}'), false],
  ['cannot be read', 'profiles: 3', true],
])('goes by the person’s own configuration: one that %s', async (_, text, pseudonymous) => {
  const { home, out } = await homeWith(signedIn);
  fs.writeFileSync(path.join(home, 'config.yaml'), text, { mode: 0o600 });
  await makeEvidence({ home, out, ...period });
  expect(read(out)).toMatchObject({ pseudonymous });
  expect(fs.existsSync(path.join(out, 'audit'))).toBe(!pseudonymous);
});

it('goes by the configuration of the company before one’s own', async () => {
  const key = await signingKey();
  const bytes = await signedBundle([key], { config: config('{ pseudonymize: true }') });
  const { home, out } = await homeWith(signedIn, await accepted(key, bytes));
  fs.writeFileSync(path.join(home, 'bundle'), bytes);
  fs.writeFileSync(path.join(home, 'config.yaml'), config('{}'), { mode: 0o600 });
  await makeEvidence({ home, out, ...period, bundle: path.join(home, 'bundle') });
  expect(read(out)).toMatchObject({ pseudonymous: true, persons: [{ name: expect.stringMatching(/^p-/) }] });
});

it.each([
  ['from', { from: 'yesterday' }, 'time'],
  ['a month that is none', { from: '2026-13-01' }, 'time'],
  ['a day that is none', { to: '2026-04-31' }, 'time'],
  ['an end before the beginning', { to: '2026-01-05' }, 'to'],
  ['a key that is none', { key: ['/nowhere'] }, 'file'],
])('refuses %s, and makes nothing', async (_, given, reason) => {
  const { home, out } = await homeWith();
  await expect(makeEvidence({ home, out, ...period, ...given })).rejects.toMatchObject({ code: 'INPUT_INVALID', reason });
  expect(fs.existsSync(out)).toBe(false);
});

it('writes into no folder that is there, and says where there is no log', async () => {
  const { home } = await homeWith();
  await expect(makeEvidence({ home, out: home, ...period })).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'out' });
  const out = path.join(temporaryFolder(), 'out');
  await expect(makeEvidence({ home: path.join(home, 'nowhere'), out, ...period })).rejects.toMatchObject({ reason: 'home' });
  expect(fs.existsSync(out)).toBe(false);
});
