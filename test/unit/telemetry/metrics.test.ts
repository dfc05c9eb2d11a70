/** What is counted of the audit log, and how it is written down. */
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../main/audit/event.ts';
import type { AuditRecord } from '../../../main/audit/log.ts';
import { createMetrics, type Gauge } from '../../../main/telemetry/metrics.ts';
import { readExposition } from './exposition.ts';

const workspace = 'https://w.example';
const minted = (tookMs: number, profile = 'acme'): AuditEvent => ({
  ...{ type: 'token.minted', profile, workspace, scopes: ['sql'], expiresAt: '', subject: 'alice@acme.example', requestId: 'r', tookMs },
});

function counting(gauges: Gauge[] = []) {
  const metrics = createMetrics(gauges);
  const note = (...events: AuditEvent[]) => {
    for (const event of events) metrics.note(event as unknown as AuditRecord);
  };
  const samples = () => readExposition(metrics.text());
  const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
    samples().find((each) => each.name === name && JSON.stringify(each.labels) === JSON.stringify(labels))?.value;
  return { note, samples, value, text: metrics.text };
}

describe('metrics', () => {
  it('count by what records say, those that stand for many as many', () => {
    const { note, value } = counting();
    const caller = { caller: '/usr/bin/python3', callerKind: 'program' };
    note(
      minted(1),
      minted(2),
      minted(3, 'globex'),
      { type: 'token.mint-failed', profile: 'acme', workspace, scopes: [], code: 'WORKSPACE_BUSY', requestId: 'r' },
      { type: 'token.served', grant: 'g1', workspace, scopes: [], expiresAt: '', lease: '', fingerprint: '', ...caller },
      { type: 'token.served-again', grant: 'g1', count: 41 },
      { type: 'token.refused', grant: 'g1', code: 'LOCKED', ...caller, count: 3 },
      { type: 'door.refused', door: 'broker', code: 'BROWSER_REFUSED', reason: 'origin', count: 1000 },
      { type: 'door.foreign-user', door: 'pages', uid: 1001, count: 2 },
      { type: 'session.renewal-failed', profile: 'acme', code: 'ISSUER_UNREACHABLE' },
      { type: 'audit.gap', count: 5 },
    );
    expect(value('lakepass_tokens_minted_total', { profile: 'acme' })).toBe(2);
    expect(value('lakepass_tokens_minted_total', { profile: 'globex' })).toBe(1);
    expect(value('lakepass_mint_failures_total', { profile: 'acme', code: 'WORKSPACE_BUSY' })).toBe(1);
    expect(value('lakepass_tokens_served_total')).toBe(42);
    expect(value('lakepass_refusals_total', { door: 'grant', code: 'LOCKED' })).toBe(3);
    expect(value('lakepass_refusals_total', { door: 'broker', code: 'BROWSER_REFUSED' })).toBe(1000);
    expect(value('lakepass_foreign_users_total', { door: 'pages' })).toBe(2);
    expect(value('lakepass_renewal_failures_total', { profile: 'acme', code: 'ISSUER_UNREACHABLE' })).toBe(1);
    expect(value('lakepass_audit_gap_records_total')).toBe(5);
  });

  it('put each mint into every bucket that ends at its time or later', () => {
    const { note, value, samples } = counting();
    note(minted(50), minted(51), minted(20_000));
    const bucket = (le: string) => value('lakepass_mint_duration_seconds_bucket', { le });
    expect([bucket('0.05'), bucket('0.1'), bucket('10'), bucket('+Inf')]).toEqual([1, 2, 2, 3]);
    expect(value('lakepass_mint_duration_seconds_count')).toBe(3);
    expect(value('lakepass_mint_duration_seconds_sum')).toBeCloseTo(20.101);
    const counts = samples()
      .filter(({ name }) => name.endsWith('_bucket'))
      .map((each) => each.value);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  it('look gauges up when they are asked for', () => {
    let waiting = 3;
    const { value } = counting([{ name: 'lakepass_x', help: 'X.', values: () => [{ labels: { sink: 'a' }, value: waiting }] }]);
    expect(value('lakepass_x', { sink: 'a' })).toBe(3);
    waiting = 4;
    expect(value('lakepass_x', { sink: 'a' })).toBe(4);
  });

  it.each(['a"} 1\nlakepass_forged 1', 'a\\', 'a\\"', 'x'.repeat(5000)])('let no name end its label: %j', (profile) => {
    const { note, samples } = counting();
    note(minted(1, profile));
    expect(samples().filter(({ name }) => name === 'lakepass_tokens_minted_total')).toEqual([
      { name: 'lakepass_tokens_minted_total', labels: { profile: profile.slice(0, 100) }, value: 1 },
    ]);
  });

  it('name no person, program, grant or workspace', () => {
    const { note, text } = counting();
    const caller = { caller: '/home/alice/bin/canary', callerKind: 'program', aiAgent: 'canary' };
    note(
      minted(1),
      { type: 'token.served', grant: 'g1canary', workspace, scopes: [], expiresAt: '', lease: '', fingerprint: '', ...caller },
      { type: 'token.refused', grant: 'g1canary', code: 'LOCKED', ...caller, count: 1 },
    );
    expect(text()).not.toMatch(/alice|canary|w\.example/);
  });

  it('stop making new series before they fill the memory', () => {
    const { note, samples, value } = counting();
    for (let n = 0; n < 5000; n++) note(minted(1, `p${n}`));
    note(minted(1, 'p1'));
    expect(samples().filter(({ name }) => name === 'lakepass_tokens_minted_total').length).toBe(2000);
    expect(value('lakepass_tokens_minted_total', { profile: 'p1' })).toBe(2);
  });
});
