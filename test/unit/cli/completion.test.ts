/** Completion: bash really completes with it; for zsh and fish every verb and option is where their rules want it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionFor, plainNames, verbsOf } from '../../../main/cli/completion.ts';
import { buildProgram } from '../../../main/cli/program.ts';

const program = buildProgram();
const verbs = verbsOf(program);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakepass-complete-'));
  // Stands for the command where an agent runs: it knows names of workspaces and grants.
  writeFileSync(
    join(folder, 'lakepass'),
    '#!/bin/sh\n[ "$1" = __names ] || exit 1\n[ "$2" = workspaces ] && echo main && echo second\n[ "$2" = grants ] && echo g1abcdefg\nexit 0\n',
  );
  chmodSync(join(folder, 'lakepass'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What bash offers for a line whose last word is being typed. */
function inBash(...words: string[]): string[] {
  const script = `${completionFor('bash', program)}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lakepass; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { PATH: `${folder}:${process.env['PATH']}`, HOME: folder };
  return execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    env,
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
    .split('\n')
    .filter(Boolean);
}

describe('bash', () => {
  it.each([
    [['lakepass', 'gr'], ['grants']],
    [['lakepass', 'grants', 're'], ['revoke']],
    [['lakepass', 'login', '--st'], ['--step-up']],
    [['lakepass', 'env', '-s', 'n'], ['notebook']],
    [
      ['lakepass', 'env', '--shell', ''],
      ['sh', 'fish', 'powershell', 'dotenv'],
    ],
    [
      ['lakepass', 'env', '-w', ''],
      ['main', 'second'],
    ],
    [['lakepass', 'grants', 'revoke', 'g'], ['g1abcdefg']],
    [
      ['lakepass', 'completion', ''],
      ['bash', 'zsh', 'fish', '-h', '--help'],
    ],
    [['lakepass', 'seal', 'k'], ['keychain']],
    [['lakepass', 'status', '--home', 'la'], ['lakepass']],
    [['lakepass', 'run', '--label', ''], []],
    [['lakepass', '--nonsense', 'profiles', 'wr'], ['write']],
  ])('completes %j', (words, offered) => {
    expect(inBash(...words)).toEqual(offered);
  });

  it('does not take the value of an option for a verb', () => {
    expect(inBash('lakepass', 'env', '-w', 'grants', '--she')).toEqual(['--shell']);
  });

  it('completes another program after --', () => {
    expect(inBash('lakepass', 'run', '--', 'lakepas')).toContain('lakepass');
  });

  it('offers every verb, and none that is hidden', () => {
    const offered = inBash('lakepass', '');
    expect(offered).toEqual(expect.arrayContaining(['login', 'profiles', 'completion', 'run', 'token']));
    expect(offered.filter((word) => word.startsWith('__'))).toEqual([]);
  });
});

describe('names that come from elsewhere', () => {
  it('reach no shell unless they are plain', () => {
    expect(plainNames(['main', 'a b', '$(id)', '`id`', "x'y", '-rf', 'a;b', 'x\ny', 'main', 'a.b_c-1'])).toEqual(['main', 'a.b_c-1']);
  });
});

describe('zsh', () => {
  const text = completionFor('zsh', program);
  it('has a case for every verb, with its options and what they are for', () => {
    for (const { path, options } of verbs) {
      const line = text.split('\n').find((each) => each.startsWith(`    '${path.length === 0 ? '' : ` ${path.join(' ')}`}') found=(`));
      for (const { flags } of options) for (const flag of flags) expect(line).toContain(`'${flag}:`);
    }
    expect(text).toMatch(/^#compdef lakepass\n/);
    expect(text).toContain('compdef _lakepass lakepass');
  });

  it('quotes every description', () => {
    const words = text.split('\n').filter((line) => line.includes('found=('));
    for (const line of words) expect(line).toMatch(/^ {4}'[a-z -]*'\) found=\(('[^']*:[^']*' ?)+\)(; [^;]+)? ;;$/);
  });
});

describe('fish', () => {
  const lines = completionFor('fish', program)
    .split('\n')
    .filter((line) => line.startsWith('complete '));
  it('has a line for every option of every verb', () => {
    for (const { path, options, verbs: below } of verbs) {
      const at = lines.filter((line) => line.includes(`-n '__lakepass_at \\'${path.join(' ')}\\''`));
      for (const { word } of below) expect(at.some((line) => line.includes(` -a ${word} `))).toBe(true);
      for (const { flags } of options)
        for (const flag of flags)
          expect(at.some((line) => line.includes(flag.startsWith('--') ? ` -l ${flag.slice(2)} ` : ` -s ${flag.slice(1)} `))).toBe(true);
    }
  });

  it('quotes every word that is not its own', () => {
    const quoted = /^complete -c lakepass(?: -f|(?: -n '(?:[^'\\]|\\.)*'| -[lsa] [\w-]+| -[xrF]| -[ad] '(?:[^'\\]|\\.)*')+)$/;
    expect(lines.filter((line) => !quoted.test(line))).toEqual([]);
  });
});
