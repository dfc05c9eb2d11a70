/** Variables as each shell reads them: sh and bash really evaluate the lines, the others are read by the rules of their manuals. */
import { execFileSync } from 'node:child_process';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesFor, type Shell, shellNamed } from '../../../main/cli/shells.ts';

/** What people would not think of: quotes of every kind, what shells expand, words of other scripts. */
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom("'", '"', '\\', '$', '`', '$(id)', '$HOME', '!', ';', '&', '#', ' ', '\u2018', '\u2019', '%PATH%', '*', '~', '-'),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text));
const change = (value: string) => ({ set: { FIRST: value, SECOND: 'end' }, clear: ['GONE', 'NEVER'] });

describe.each([
  ['sh', []],
  ['bash', ['--norc']],
])('%s', (program, options) => {
  it('takes every value as it is, and clears what is to be cleared', () => {
    // One start for all of them: a shell takes longer to come up than to read a hundred lines.
    const values = fc.sample(nasty, 200);
    const read = `printf '%s\\0%s\\0%s\\0' "$FIRST" "$SECOND" "\${GONE-none}"`;
    const script = values.map((value) => `GONE=x; ${linesFor('sh', change(value))}\n${read}`).join('\n');
    const env = { PATH: process.env['PATH'] };
    const said = execFileSync(program, [...options, '-c', script], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    expect(said.split('\0').slice(0, -1)).toEqual(values.flatMap((value) => [value, 'end', 'none']));
  });
});

/** fish's manual: between single quotes a backslash is one only before a backslash or a single quote. */
function readFish(line: string): string {
  const [, quoted] = /^set -gx FIRST '((?:[^'\\]|\\.)*)'$/su.exec(line) ?? [];
  if (quoted === undefined) throw new Error(`fish would not read ${line}`);
  return quoted.replace(/\\(['\\])/g, '$1');
}

/** about_Quoting_Rules: a single quote, of whatever kind, is written twice and ends the text otherwise. */
function readPowerShell(line: string): string {
  const [, quoted] = /^\$env:FIRST = '((?:[^'\u2018-\u201b]|['\u2018-\u201b]{2})*)'$/su.exec(line) ?? [];
  if (quoted === undefined) throw new Error(`PowerShell would not read ${line}`);
  return quoted.replace(/(['\u2018-\u201b])['\u2018-\u201b]/g, '$1');
}

const setting = (shell: Shell, value: string): string =>
  linesFor(shell, change(value))
    .split('\n')
    .find((line) => line.includes('FIRST')) ?? '';

describe('fish and PowerShell', () => {
  it('take every value as it is', () => {
    fc.assert(
      fc.property(nasty, (value) => {
        expect(readFish(setting('fish', value))).toBe(value);
        expect(readPowerShell(setting('powershell', value))).toBe(value);
      }),
    );
  });

  it('clear what is to be cleared', () => {
    expect(linesFor('fish', change('x'))).toBe("set -e GONE\nset -e NEVER\nset -gx FIRST 'x'\nset -gx SECOND 'end'");
    expect(linesFor('powershell', change('x')).split('\n')[0]).toBe('Remove-Item Env:GONE -ErrorAction SilentlyContinue');
  });
});

describe('a .env file', () => {
  it('holds what every reader reads alike, or is refused', () => {
    fc.assert(
      fc.property(nasty, (value) => {
        if (/['\\]/.test(value)) return void expect(() => linesFor('dotenv', change(value))).toThrow('INPUT_INVALID');
        const text = linesFor('dotenv', change(value));
        expect(parseEnv(text)).toEqual({ FIRST: value, SECOND: 'end' });
        for (const line of text.split('\n')) expect(line).toMatch(/^[A-Z]+=([A-Za-z0-9_./:@%+,-]+|'[^'\\]*')$/u);
      }),
    );
  });

  it('needs no quotes for what we put there', () => {
    const url = `http://127.0.0.1:23456/v1/metadata/${'aZ0_-'.repeat(8)}xyz`;
    expect(linesFor('dotenv', { set: { A: url, B: 'https://acme.cloud.databricks.com' }, clear: [] })).toBe(
      `A=${url}\nB=https://acme.cloud.databricks.com`,
    );
  });
});

describe('every shell', () => {
  it.each(['sh', 'fish', 'powershell', 'dotenv'] as const)('%s is given nothing that would begin a new line', (shell) => {
    for (const value of ['a\nb', 'a\rb', 'a\0b', 'a\u2028b', '\u001b[2J', 'a\ud800'])
      expect(() => linesFor(shell, change(value))).toThrow('INPUT_INVALID');
  });

  it('is one we know', () => {
    expect(shellNamed('fish')).toBe('fish');
    expect(() => shellNamed('csh')).toThrow('INPUT_INVALID');
  });
});
