/** The sinks of the configuration that holds: begun once the device is known, changed as it is, and none that nobody has approved. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createExporting } from '../../../main/agent/exporting.ts';
import { AppError } from '../../../main/app-error.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { type AuditSettings, auditSchema } from '../../../main/profile/audit-settings.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { startOtlpReceiver } from '../../fixtures/otlp/receiver.ts';
import { opened, temporaryFolder } from '../audit/audit-folder.ts';
import { stamp, waiting } from '../audit/sinks/shipping.ts';

async function exporting(first: AuditSettings) {
  const { log: audit, folder, clock, logged } = await opened();
  const holds = {
    settings: first,
    origin: 'lakepass/d0c1' as string | null,
    isApproved: true,
    company: null as AuditSettings | null,
    changes: 0,
    /** How often the person's own were looked at. */
    ownTaken: 0,
  };
  const disk = memoryDisk();
  const made = createExporting({
    own() {
      holds.ownTaken += 1;
      return holds.settings;
    },
    ...{ isApproved: () => holds.isApproved, ofCompany: () => holds.company },
    checkpoints: {
      key: () => (holds.origin === null ? null : { origin: holds.origin, thumbprint: '', verifier: '', pem: '' }),
      last: () => ({ size: 7, root: '', at: clock.now() }),
    },
    ...{ folder, cursors: path.join(temporaryFolder(), 'cursors'), vault: disk.vault(), stamp, audit, fetch, clock, random: randomBytes },
    ...{ log: (event, fields = {}) => void logged.push({ event, fields }), version: '1.2.3' },
    tableToken: () => Promise.reject(new AppError('SIGNED_OUT')),
    traces: () => null,
    changed: () => {
      holds.changes += 1;
    },
  });
  onTestFinished(async () => {
    await Promise.all([made.close(), clock.advance(10_000)]);
  });
  return { exporting: made, audit, clock, holds, disk, until: waiting(clock) };
}
const settings = (given: object): AuditSettings => auditSchema.parse(given);
const spool = (): string => temporaryFolder();
const signedIn: AuditEvent = {
  ...{ type: 'session.signed-in', profile: 'acme', issuer: 'https://login.acme.example/', subject: '00u1', username: 'alice@acme.example' },
  ...{ assurance: 'phr', acr: 'phr', amr: ['hwk'], authTime: null },
};
const linesIn = (folder: string): Record<string, unknown>[] =>
  fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the sinks', () => {
  it('get what is recorded, each on its own, and are seen', async () => {
    const receiver = await startOtlpReceiver();
    onTestFinished(() => receiver.close());
    const folder = spool();
    const sinks = [
      { name: 'company', otlp: { url: receiver.url } },
      { name: 'lake', folder },
    ];
    const { exporting: made, audit, until } = await exporting(settings({ sinks }));
    audit.append(signedIn);
    made.follow();
    await until(() => receiver.logs.length === 1 && linesIn(folder).length === 1);
    expect(receiver.problems).toEqual([]);
    expect(receiver.logs[0]?.attributes).toMatchObject({ 'user.email': 'alice@acme.example' });
    expect(linesIn(folder)).toMatchObject([{ event_type: 'session.signed-in', host_id: 'd0c1', actor: { email: 'alice@acme.example' } }]);
    await until(() => made.view().sinks.every(({ waiting: left }) => left === 0));
    expect(made.view()).toMatchObject({
      checkpoint: { size: 7 },
      sinks: [
        { name: 'company', kind: 'otlp', to: receiver.url, lastSeq: 1, problem: null },
        { name: 'lake', kind: 'folder', to: folder, lastSeq: 1, problem: null },
      ],
    });
    const [, lake] = made.sent().sinks;
    expect(lake).toMatchObject({ name: 'lake', pseudonymized: false, waitingBytes: 0, mostBytes: 268_435_456, mostDays: 30 });
    expect(lake?.last).toContainEqual({ name: 'actor.email', means: 'Your user name', value: 'alice@acme.example' });
    // Field by field what lies in the folder, and nothing else.
    const leaves = (value: unknown): unknown[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value).flatMap(leaves) : [value];
    expect(lake?.last?.map(({ value }) => value)).toEqual(leaves(linesIn(folder)[0]));
  });

  it('are none where nobody has approved the configuration, and those of the company need nobody', async () => {
    const [folder, ofCompany] = [spool(), spool()];
    const { exporting: made, audit, until, holds, clock } = await exporting(settings({ sinks: [{ name: 'lake', folder }] }));
    holds.isApproved = false;
    audit.append(signedIn);
    made.follow();
    await clock.advance(0);
    holds.company = settings({ sinks: [{ name: 'company', folder: ofCompany }] });
    made.follow();
    await until(() => linesIn(ofCompany).length === 1);
    expect([made.view().sinks.map(({ name }) => name), fs.readdirSync(folder), holds.ownTaken]).toEqual([['company'], [], 0]);
    // The device has left it.
    holds.company = null;
    made.follow();
    await until(() => made.view().sinks.length === 0);
    holds.isApproved = true;
    made.follow();
    await until(() => linesIn(folder).length === 1);
  });

  it('of a table wait until somebody is signed in, and say so', async () => {
    const databricks = { profile: 'acme', warehouse: 'w1', table: 'main.audit.lakepass' };
    const { exporting: made, audit, until } = await exporting(settings({ sinks: [{ name: 'lake', databricks }] }));
    audit.append(signedIn);
    made.follow();
    await until(() => (made.view().sinks[0]?.problem ?? null) !== null);
    expect(made.view().sinks).toMatchObject([
      { name: 'lake', kind: 'databricks', to: 'main.audit.lakepass (acme)', lastSeq: null, waiting: 1, problem: { reason: 'token' } },
    ]);
  });

  it('begin once the device is known', async () => {
    const folder = spool();
    const { exporting: made, audit, until, holds } = await exporting(settings({ sinks: [{ name: 'lake', folder }] }));
    holds.origin = null;
    audit.append(signedIn);
    made.follow();
    holds.origin = 'lakepass/d0c1';
    made.follow();
    await until(() => linesIn(folder).length === 1);
    expect(linesIn(folder)).toMatchObject([{ host_id: 'd0c1' }]);
  });

  it('of a changed configuration take the place of those before', async () => {
    const [before, after] = [spool(), spool()];
    const { exporting: made, audit, until, holds } = await exporting(settings({ sinks: [{ name: 'lake', folder: before }] }));
    audit.append(signedIn);
    made.follow();
    await until(() => linesIn(before).length === 1);
    holds.settings = settings({ sinks: [{ name: 'lake', folder: after }] });
    made.follow();
    await until(() => linesIn(after).length === 1);
    audit.append(signedIn);
    await until(() => linesIn(after).length === 2);
    expect(linesIn(before)).toHaveLength(1);
    holds.settings = settings({});
    made.follow();
    await until(() => made.view().sinks.length === 0);
  });

  it('under pseudonyms get no address, and the same word after a start', async () => {
    const folder = spool();
    const { exporting: made, audit, until, disk } = await exporting(settings({ pseudonymize: true, sinks: [{ name: 'lake', folder }] }));
    audit.append(signedIn);
    made.follow();
    await until(() => linesIn(folder).length === 1);
    expect(JSON.stringify(linesIn(folder))).not.toContain('alice');
    expect(linesIn(folder)).toMatchObject([{ actor: { email: expect.stringMatching(/^p-[0-9a-f]{32}$/) } }]);
    await until(() => made.view().sinks[0]?.waiting === 0);
    expect(made.sent().sinks).toMatchObject([{ pseudonymized: true }]);
    expect(JSON.stringify(made.sent())).not.toContain('alice');
    expect(disk.calls.filter((call) => call === 'seal audit-pseudonym')).toHaveLength(1);
  });

  it('that fail for a while are a problem for people, and the others go on', async () => {
    const folder = spool();
    const gone = path.join(spool(), 'gone');
    const sinks = [
      { name: 'mount', folder: gone },
      { name: 'lake', folder },
    ];
    const { exporting: made, audit, until, holds } = await exporting(settings({ sinks }));
    audit.append(signedIn);
    made.follow();
    await until(() => made.problems().length > 0);
    expect(made.problems()).toMatchObject([{ code: 'AUDIT_SINK_UNREACHABLE', reason: 'folder-gone' }]);
    expect(holds.changes).toBeGreaterThan(0);
    await until(() => linesIn(folder).length === 1);
    expect(made.sent().sinks[0]).toMatchObject({ waiting: 1, last: null, lastSentAt: null, problem: { reason: 'folder-gone' } });
    expect(made.sent().sinks[0]?.waitingBytes).toBeGreaterThan(100);
    fs.mkdirSync(gone);
    await until(() => linesIn(gone).length === 1);
    await until(() => made.problems().length === 0);
  });

  it('get what there is when the agent ends', async () => {
    const folder = spool();
    const { exporting: made, audit, until } = await exporting(settings({ sinks: [{ name: 'lake', folder }] }));
    audit.append(signedIn);
    made.follow();
    await until(() => linesIn(folder).length === 1);
    audit.append(signedIn);
    await made.close();
    expect(linesIn(folder)).toHaveLength(2);
    expect(fs.readdirSync(folder)).toHaveLength(2);
  });
});
