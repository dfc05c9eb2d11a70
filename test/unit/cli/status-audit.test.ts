/** What `lakepass status` and `lakepass audit sinks` say of the audit log and of where it is sent. */
import { expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { sentLines } from '../../../main/cli/verbs/audit.ts';
import { auditLines, statusText } from '../../../main/cli/verbs/status.ts';
import { alertTexts } from '../../../preload/contract/alert.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { sentOf } from '../../fakes/managed-device.ts';
import { calmState } from '../../fakes/pages-agent.ts';

it('names each sink, what has yet to go, and what is wrong', () => {
  const sink = { kind: 'otlp', to: 'https://otel.acme.example/v1/logs', lastSeq: 9, lastSentAt: '2026-01-05T09:00:00.000Z' } as const;
  const problem = new AppError('AUDIT_SINK_REFUSED', { detail: 'It answered with status 400.' }).toFailure();
  const lines = auditLines({
    checkpoint: { size: 8, at: '2026-01-05T09:00:00.000Z' },
    sinks: [
      { ...sink, name: 'company', waiting: 0, problem: null },
      { ...sink, name: 'lake', kind: 'folder', to: '/spool', lastSeq: null, lastSentAt: null, waiting: 12, problem },
    ],
  });
  expect(lines.slice(0, 2)).toEqual([
    'Audit     sealed up to record 8, 2026-01-05 09:00 UTC',
    'Sink      company to https://otel.acme.example/v1/logs: all has arrived, last 2026-01-05 09:00 UTC',
  ]);
  expect(lines[2]).toMatch(/^Sink {6}lake to \/spool: 12 to go, nothing has arrived yet; .*status 400\..*AUDIT_SINK_REFUSED/);
  expect(auditLines({ checkpoint: null, sinks: [] })).toEqual(['Audit     not sealed yet']);
});

it('says of each sink what was sent, every field of it when asked, and honestly where nothing was', () => {
  const view = sentOf(fakeClock());
  const [siem, share, lake] = view.sinks;
  const short = sentLines(view, false);
  expect(short.filter((line) => !line.startsWith(' '))).toEqual([
    'siem  an OpenTelemetry collector, https://otel.acme.example/v1/logs',
    'share  a folder, /mnt/audit',
    'lake  a Databricks table, main.audit.lakepass (acme)',
    'traces  how long sign-ins and requests for tokens took, https://otel.acme.example/v1/traces',
  ]);
  expect(short).toContain('  waiting    48211, 91000000 bytes; up to 268435456 bytes may, for 30 days');
  expect(short.filter((line) => line.startsWith('  ! '))).toEqual([
    expect.stringMatching(/ENOENT.*\[AUDIT_SINK_UNREACHABLE: folder-gone\]/),
  ]);
  expect(short.filter((line) => line.startsWith('  last sent'))).toHaveLength(4);
  expect(short.slice(-2)).toEqual([expect.stringMatching(/^traces {2}.*\/v1\/traces$/), expect.stringMatching(/^ {2}last sent {2}\d/)]);
  const whole = sentLines({ sinks: siem === undefined ? [] : [siem], traces: null }, true);
  for (const { name, means, value } of siem?.last ?? [])
    expect(whole.filter((line) => line.trimStart().startsWith(`${name} `) && line.endsWith(`  ${value}  (${means})`))).toHaveLength(1);
  expect(sentLines({ sinks: share === undefined ? [] : [share], traces: null }, true).at(-1)).toMatch(/not kept/);
  expect(sentLines({ sinks: [], traces: view.traces }, true).join('\n')).toMatch(/lakepass\.scopes +sql, ?files +\(Scopes\)/);
  expect(sentLines({ sinks: lake === undefined ? [] : [lake], traces: null }, true)).toHaveLength(4);
  expect(sentLines({ sinks: [], traces: null }, true)).toEqual(['No sink and no traces are in use: no record of the audit log is sent.']);
});

it('says of each alert how bad it is, since when, how often and what to do, also once it was seen, and no problem twice', () => {
  const { status } = calmState(fakeClock());
  const [rejected, failing] = [alertTexts['tokens-rejected'], alertTexts['sink-failing']];
  const at = { since: '2026-01-05T09:00:00.000Z', lastAt: '2026-01-05T10:30:00.000Z' };
  const text = statusText({
    ...status,
    alerts: [
      { ...rejected, ...at, kind: 'tokens-rejected', about: 'acme', name: 'acme', count: 7, seen: false },
      { ...failing, ...at, kind: 'sink-failing', about: '', name: '', count: 1, seen: true },
    ],
    problems: [new AppError('TOKENS_REJECTED').toFailure(), new AppError('PORT_TAKEN').toFailure()],
  });
  expect(text).toContain(
    `! Severe alert (acme): ${rejected.cause}\n  7 times since 2026-01-05 09:00 UTC, last 2026-01-05 10:30 UTC. ${rejected.next}\n`,
  );
  expect(text).toContain(`! Alert: ${failing.cause}\n  since 2026-01-05 09:00 UTC; you have seen it. ${failing.next}\n`);
  expect([text.includes('[TOKENS_REJECTED'), text.includes('[PORT_TAKEN')]).toEqual([false, true]);
});
