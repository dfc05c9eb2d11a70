/** The expiry that `lakepass token` prints, as Databricks' SDKs read it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const at = Date.UTC(2026, 10, 22, 3, 4, 5, 678);
const source = fileURLToPath(new URL('../../../main/agent/printed-tokens.ts', import.meta.url));

/** In a process of its own, for the time zone is read once. */
const inZone = (zone: string): string =>
  String(
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { localTime } = await import(${JSON.stringify(source)}); process.stdout.write(localTime(${at}))`,
      ],
      { env: { TZ: zone } },
    ),
  );

describe('the printed expiry', () => {
  it.each([
    ['UTC', '2026-11-22T03:04:05.678000000+00:00'],
    ['Asia/Kolkata', '2026-11-22T08:34:05.678000000+05:30'],
    ['America/St_Johns', '2026-11-21T23:34:05.678000000-03:30'],
    ['Pacific/Kiritimati', '2026-11-22T17:04:05.678000000+14:00'],
  ])('is wall time in %s, with a fraction and the offset', (zone, expected) => {
    expect(inZone(zone)).toBe(expected);
    expect(Date.parse(expected.replace('000000', ''))).toBe(at);
  });
});
