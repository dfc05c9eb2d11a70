/** Alerts over a real log: recorded once when they begin and once when they end, kept over a start, and no storm of their own. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openAlerting } from '../../../main/agent/alerting.ts';
import { AppError } from '../../../main/app-error.ts';
import { createDoorTally } from '../../../main/audit/door-tally.ts';
import type { AuditEvent } from '../../../main/audit/event.ts';
import type { AuditLogParts } from '../../../main/audit/log.ts';
import type { Disk } from '../../../main/audit/segment.ts';
import { createTally } from '../../../main/audit/tally.ts';
import { hours, minutes, seconds } from '../../../main/units.ts';
import { alertTexts, alertViewSchema } from '../../../preload/contract/alert.ts';
import type { AuditView } from '../../../preload/contract/audit.ts';
import { failureTexts } from '../../../preload/contract/failure.ts';
import type { TapKeyView } from '../../../preload/contract/tap-key.ts';
import { opened } from '../audit/audit-folder.ts';
import { stamp } from '../audit/sinks/shipping.ts';
import { describeCaller, machine } from '../grant/setting.ts';
import { codeOf } from './setting.ts';

const started = (vault = 'secret-service'): AuditEvent => ({ type: 'agent.started', version: '1.2.3', vault, port: 17_410 });
const keyOf = (thumbprint: string): AuditEvent => ({ type: 'audit.key', origin: 'lakepass/d1', thumbprint, jwk: '{}' });
const foreign: AuditEvent = { type: 'door.foreign-user', door: 'broker', uid: 1001, count: 2 };
const rewritten: AuditEvent = { type: 'audit.rewritten', size: 9, root: 'x' };
const table = machine();
const person = table.callerOf(table.start({ executable: '/usr/bin/firefox' }));

type Key = Pick<TapKeyView, 'id' | 'name' | 'suspect' | 'state'>;

/** One run of the agent over the log in `folder`; the next one goes on with it. */
async function run(parts: Partial<AuditLogParts> & { before?: readonly AuditEvent[]; keys?: readonly Key[] } = {}) {
  const { before = [], keys = [], ...logParts } = parts;
  const setting = await opened(logParts);
  const { log: audit, folder, clock, logged } = setting;
  const holds = {
    audit: { checkpoint: { size: 1, at: '2026-01-05T09:00:00.000Z' }, sinks: [] } as AuditView,
    keys: [...keys],
    changes: 0,
  };
  const file = path.join(folder, '..', 'alerts.json');
  const startedAt = clock.now();
  for (const event of before) audit.append(event);
  const alerting = await openAlerting({
    ...{ file, folder, stamp, audit, startedAt, describe: describeCaller, clock, random: randomBytes },
    ...{ tapKeys: () => holds.keys, auditView: () => holds.audit },
    log: (event, fields = {}) => void logged.push({ event, fields }),
    changed: () => {
      holds.changes += 1;
    },
  });
  await clock.advance(0);
  const records = (type = 'alert.') => audit.tail(1000).filter((record) => record.type.startsWith(type));
  const lines = (): string[] =>
    records().map((record) =>
      Object.values({ ...record, at: '', id: '', seq: '', prev: '', hash: '', since: '' })
        .filter(Boolean)
        .join(' '),
    );
  const end = async (): Promise<void> => {
    await alerting.close();
    await audit.close();
    await clock.advance(1);
  };
  const see = (kind: 'other-user' | 'log-changed', by = person) => alerting.calls['alerts/seen']({ kind, about: '' }, by);
  return { ...setting, audit, alerting, holds, file, lines, records, end, see };
}

describe('an alert', () => {
  it('is recorded, shown with a next step, and recorded once more when it is over', async () => {
    const { alerting, audit, clock, lines, holds, records } = await run();
    audit.append(foreign);
    await clock.advance(0);
    audit.append(foreign);
    expect(lines()).toEqual(['alert.raised other-user warning 2']);
    const { next } = alertTexts['other-user'];
    expect(alerting.view()).toMatchObject([{ kind: 'other-user', severity: 'warning', count: 4, seen: false, next }]);
    expect(alertViewSchema.array().parse(alerting.view())).toEqual(alerting.view());
    expect(holds.changes).toBe(1);
    await clock.advance(hours(25));
    expect(lines()).toEqual(['alert.raised other-user warning 2', 'alert.over other-user 4']);
    expect(records('alert.over')).toMatchObject([{ since: '2026-01-05T09:00:00.000Z' }]);
    expect(alerting.view()).toEqual([]);
  });

  it('is one, with a count, where a hundred thousand connections of others are refused', async () => {
    const { alerting, audit, clock, records } = await run();
    const tally = createTally({ clock, audit, log: () => undefined });
    const door = createDoorTally('broker', tally);
    for (let n = 0; n < 100_000; n += 1) {
      door.dropped({ why: 'foreign-user', uid: 1001 });
      if (n % 10_000 === 0) await clock.advance(minutes(1));
    }
    tally.close();
    expect(alerting.view()).toMatchObject([{ kind: 'other-user', count: 100_000 }]);
    expect(records()).toHaveLength(1);
    expect(records('').length).toBeLessThan(20);
  });

  it('of what was recorded before anybody listened is raised, and of what an older run recorded is not', async () => {
    const first = await run({ before: [rewritten] });
    expect(first.lines()).toEqual(['alert.raised log-changed severe 1']);
    await first.end();
    fs.unlinkSync(first.file);
    const next = await run({ folder: first.folder, clock: first.clock });
    expect(next.alerting.view()).toEqual([]);
  });

  it('waits for a disk that is full, and is recorded once there is room', async () => {
    let isFull = false;
    const disk: Disk = {
      ...fs,
      writeSync: ((fd: number, line: Buffer, offset: number, length: number) => {
        if (isFull) throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
        return fs.writeSync(fd, line, offset, length);
      }) as Disk['writeSync'],
    };
    // Where acts go on without a record, an alert does not.
    const { alerting, audit, clock, lines, logged, holds } = await run({ disk, diskFull: () => 'serve-and-count' });
    holds.keys = [{ id: 'key-1', name: 'Blue', suspect: true }];
    isFull = true;
    alerting.look();
    expect([lines(), alerting.view().length]).toEqual([[], 1]);
    expect(logged).toContainEqual({ event: 'alerts.not-recorded', fields: { code: 'AUDIT_UNWRITABLE' } });
    isFull = false;
    await clock.advance(minutes(1));
    expect(lines()).toEqual(['alert.raised key-copied severe key-1 1']);
    // It is no act that was left out.
    expect(audit.tail(9).map(({ type }) => type)).toEqual(['alert.raised']);
  });
});

describe('a start', () => {
  it('raises nothing anew that held before, and ends what no longer does', async () => {
    const first = await run();
    first.audit.append(foreign);
    first.holds.keys = [{ id: 'key-1', name: 'Blue', suspect: true }];
    first.alerting.look();
    first.see('other-user');
    expect(first.lines()).toHaveLength(3);
    await first.end();
    const next = await run({ folder: first.folder, clock: first.clock });
    expect(next.lines().slice(3)).toEqual(['alert.over key-copied key-1 1']);
    next.audit.append(foreign);
    await next.clock.advance(0);
    expect(next.alerting.view()).toMatchObject([{ kind: 'other-user', count: 4, seen: true }]);
    expect(next.records('alert.raised')).toHaveLength(2);
  });

  it.each([
    ['edited', (text: string) => text.replace('false', 'true')],
    ['no JSON', () => '{'],
    ['of another form', () => JSON.stringify({ body: '{}', stamp: stamp('{}') })],
    ['gone', null],
  ])('believes no file that is %s, and raises again what holds', async (_, change) => {
    const first = await run();
    first.holds.keys = [{ id: 'key-1', name: 'Blue', suspect: true }];
    first.alerting.look();
    await first.end();
    if (change === null) fs.unlinkSync(first.file);
    else fs.writeFileSync(first.file, change(fs.readFileSync(first.file, 'utf8')));
    const next = await run({ folder: first.folder, clock: first.clock, keys: first.holds.keys });
    expect(next.alerting.view()).toMatchObject([{ kind: 'key-copied', seen: false }]);
    expect(next.records('alert.raised')).toHaveLength(2);
  });
});

describe('the key that signs', () => {
  const after = async (...runs: AuditEvent[][]) => {
    let last = await run();
    for (const events of runs) {
      await last.end();
      last = await run({ folder: last.folder, clock: last.clock });
      for (const event of events) last.audit.append(event);
      await last.alerting.close();
    }
    return last.records('alert.raised').map(({ type: _, ...record }) => (record as unknown as { alert: string }).alert);
  };
  it.each<[string, AuditEvent[][], string[]]>([
    [
      'is another than before',
      [
        [started(), keyOf('one')],
        [started(), keyOf('two')],
      ],
      ['signing-key-changed'],
    ],
    [
      'is the same',
      [
        [started(), keyOf('one')],
        [started(), keyOf('one')],
      ],
      [],
    ],
    ['is the first', [[started(), keyOf('one')]], []],
    [
      'is another after a reset',
      [
        [started(), keyOf('one'), { type: 'agent.reset', grants: 0, keys: 1 }],
        [started(), keyOf('two')],
      ],
      [],
    ],
    [
      'is in memory alone',
      [
        [started('memory'), keyOf('one')],
        [started('memory'), keyOf('two')],
      ],
      [],
    ],
    [
      'is out of another keychain',
      [
        [started('passphrase'), keyOf('one')],
        [started(), keyOf('two')],
      ],
      [],
    ],
    [
      'is another, with a run in memory in between',
      [
        [started(), keyOf('one')],
        [started('memory'), keyOf('two')],
        [started(), keyOf('three')],
      ],
      ['signing-key-changed'],
    ],
  ])('%s', async (_, runs, raised) => {
    expect(await after(...runs)).toEqual(raised);
  });
});

describe('a sink', () => {
  it('that fails for more than an hour is an alert by its name, and the reason is left to status', async () => {
    const { alerting, clock, holds, lines } = await run();
    const { cause, next, nextStep } = failureTexts.AUDIT_SINK_UNREACHABLE;
    const problem = { code: 'AUDIT_SINK_UNREACHABLE' as const, cause, next, nextStep, detail: '/home/ada/secret-folder' };
    const sink = {
      name: 'lake',
      kind: 'folder' as const,
      to: '/home/ada/secret-folder',
      lastSentAt: null,
      lastSeq: null,
      waiting: 3,
      problem,
    };
    holds.audit = { ...holds.audit, sinks: [sink] };
    await clock.advance(minutes(6));
    alerting.look();
    await clock.advance(minutes(58));
    expect(lines()).toEqual([]);
    await clock.advance(minutes(2));
    expect(lines()).toEqual(['alert.raised sink-failing warning lake 1']);
    expect(JSON.stringify(alerting.view())).not.toContain('secret');
    holds.audit = { ...holds.audit, sinks: [{ ...sink, problem: null, lastSentAt: new Date(clock.now()).toISOString() }] };
    alerting.look();
    expect(lines().slice(1)).toEqual(['alert.over sink-failing lake 1']);
  });

  it('that has failed since the start is one too, although nothing tells of it again', async () => {
    const { alerting, clock, holds, lines } = await run();
    const problem = new AppError('AUDIT_SINK_UNREACHABLE').toFailure();
    const sink = { name: 'lake', kind: 'otlp' as const, to: '', lastSentAt: null, lastSeq: null, waiting: 3, problem };
    holds.audit = { ...holds.audit, sinks: [sink] };
    await clock.advance(seconds(5));
    alerting.look();
    await clock.advance(minutes(70));
    expect(lines()).toEqual(['alert.raised sink-failing warning lake 1']);
  });
});

describe('what somebody has seen', () => {
  it('is recorded once with who said so, and goes on', async () => {
    const { alerting, audit, see, records, clock } = await run();
    audit.append(foreign);
    await clock.advance(0);
    see('other-user');
    see('other-user');
    see('log-changed');
    expect(records('alert.seen')).toMatchObject([{ alert: 'other-user', caller: '/usr/bin/firefox', callerKind: 'program' }]);
    expect(alerting.view()).toMatchObject([{ seen: true, count: 2 }]);
  });

  it('is not for an AI agent to say', async () => {
    const { alerting, audit, see, records } = await run();
    audit.append(foreign);
    expect(await codeOf(() => see('other-user', { ...person, aiAgent: 'claude' }))).toBe('CALLER_REFUSED');
    expect([records('alert.seen'), alerting.view()]).toMatchObject([[], [{ seen: false }]]);
  });
});

it('names a tap key in words that cannot move anything on the screen', async () => {
  const { alerting, holds } = await run();
  holds.keys = [{ id: 'key-1', name: 'Blue\u202E\u200Bkey', suspect: true }];
  alerting.look();
  expect(alerting.view()).toMatchObject([{ about: 'key-1', name: 'Blue\uFFFD\uFFFDkey' }]);
});
