/** The doctor's checks, sorted for a person and as a text to send on. */
import { describe, expect, it } from 'vitest';
import { type Check, groupsOf, reportOf, summaryOf, withoutSecrets } from '../../../renderer/doctor/report.ts';

const check = (id: string, state: Check['state'], changes: Partial<Check> = {}): Check => ({
  ...{ id, title: `Title of ${id}`, state, finding: `Finding of ${id}.`, next: null, code: null },
  ...changes,
});
const checks = [
  check('clock', 'good'),
  check('keychain', 'bad', { next: 'Unlock it.', code: 'KEYCHAIN_LOCKED' }),
  check('proxy', 'unknown'),
  check('keys', 'weak'),
  check('vault', 'bad'),
];

describe('the checks', () => {
  it('are grouped worst first, as they came within a group, and groups without any are left out', () => {
    expect(groupsOf(checks).map((group) => [group.state, group.checks.map(({ id }) => id)])).toEqual([
      ['bad', ['keychain', 'vault']],
      ['weak', ['keys']],
      ['unknown', ['proxy']],
      ['good', ['clock']],
    ]);
    expect(groupsOf([])).toEqual([]);
  });

  it('are summed up in a sentence', () => {
    expect(summaryOf(checks)).toBe('2 things need you, 1 thing could be stronger, 1 could not be found out.');
    expect(summaryOf([check('clock', 'good')])).toBe('Everything that was looked at is as it should be.');
  });
});

describe('the report', () => {
  it('holds every check with its next step and code', () => {
    const report = reportOf({ checks, version: '0.1.0', host: 'desktop' });
    expect(report.split('\n').slice(0, 7)).toEqual([
      'Lakepass doctor',
      'Version: 0.1.0',
      'Host: desktop',
      '',
      'Needs you',
      '- Title of keychain: Finding of keychain. (KEYCHAIN_LOCKED)',
      '  next: Unlock it.',
    ]);
    for (const { title } of checks) expect(report).toContain(title);
  });

  it('leaves out what looks like a secret, whatever check let it slip', () => {
    const secrets = [
      `eyJ${'hbGciOiJSUzI1NiJ9'}.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl`,
      `dapi${'0123456789abcdef'.repeat(2)}`,
      'http://127.0.0.1:17410/v1/metadata/Zm9vYmFyYmF6cXV4Zm9v',
    ];
    for (const secret of secrets) {
      const report = reportOf({
        checks: [check('slip', 'bad', { finding: `It said ${secret} here.` })],
        version: '0.1.0',
        host: 'headless',
      });
      expect(report).not.toContain(secret.slice(-12));
      expect(report).toContain('[removed: it looks like a secret]');
    }
    expect(withoutSecrets('lakepass status')).toBe('lakepass status');
  });
});
