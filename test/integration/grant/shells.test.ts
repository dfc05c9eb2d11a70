/** Which process stands for the shell, in real shells: they fork for `$(…)` each in their own way, and some not at all. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../../main/caller/caller.ts';
import { rootForShell, rootForTool } from '../../../main/grant/roots.ts';

const has = (shell: string): boolean => {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', shell], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

let folder: string;
const shells: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lp-shells-'));
});
afterEach(async () => {
  for (const shell of shells.splice(0)) {
    shell.stdin?.end();
    if (shell.exitCode === null) await once(shell, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A shell that takes lines from a pipe, as it would from a terminal. `say` resolves with what it prints up to a mark of its own. */
function open(name: string, options: readonly string[] = []) {
  const shell = spawn(name, [...options], { stdio: ['pipe', 'pipe', 'inherit'], cwd: folder, env: { PATH: process.env['PATH'] } });
  shells.push(shell);
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const say = async (line: string): Promise<string[]> => {
    shell.stdin.write(`${line}\necho end-of-answer\n`);
    const answer: string[] = [];
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} has ended`);
      if (value === 'end-of-answer') return answer;
      answer.push(value);
    }
  };
  return { pid: Number(shell.pid), say };
}

const told = (): string => join(folder, 'caller.json');
const callerTold = (): Caller => JSON.parse(readFileSync(told(), 'utf8'));
const client = `${process.execPath} ${join(import.meta.dirname, 'environment-client.ts')} ${join('$PWD', 'caller.json')} ${process.pid}`;

const available: [name: string, options: string[]][] = (
  [
    ['bash', ['--norc', '--noprofile']],
    ['dash', []],
    ['sh', []],
    ['zsh', ['-f', '-s']],
    ['ksh', []],
  ] as [string, string[]][]
).filter(([name]) => has(name));

describe.each(available)('in %s', (name, options) => {
  it.each([
    ['the command alone', `eval "$(${client})"`],
    ['a list, which keeps the fork for it alive', `eval "$(true; ${client}; true)"`],
    ['a command that may fail', `eval "$(${client} || true)"`],
    ['a pipe', `eval "$(${client} | cat)"`],
    ['a function', `lp() { eval "$(${client})"; }; lp`],
    ['a substitution in a substitution', `eval "$(echo "$(${client})")"`],
  ])('the shell that takes in the variables is the root: %s', async (_title, line) => {
    const shell = open(name, options);
    await shell.say(line);
    expect(await shell.say('echo "$LAKEPASS_TEST"')).toEqual(['taken-in']);
    expect(rootForShell(callerTold())?.pid).toBe(shell.pid);
  });

  it('a subshell in brackets stands for the shell it was forked from', async () => {
    const shell = open(name, options);
    await shell.say(`( eval "$(${client})"; true )`);
    expect(rootForShell(callerTold())?.pid).toBe(shell.pid);
  });

  it('a script is its own root, and not the shell that runs it', async () => {
    writeFileSync(join(folder, 'train.sh'), `eval "$(${client})"\necho "$$ $LAKEPASS_TEST"\n`);
    const shell = open(name, options);
    const [answer] = await shell.say(`${name} ./train.sh; true`);
    expect(answer).toMatch(/ taken-in$/);
    const root = rootForShell(callerTold());
    expect(root?.pid).toBe(Number.parseInt(String(answer), 10));
    expect(root?.pid).not.toBe(shell.pid);
  });

  it('a token that a person asks for at the prompt is for the shell', async () => {
    const shell = open(name, options);
    await shell.say(`token=$(${client}); true`);
    expect(rootForTool(callerTold())?.pid).toBe(shell.pid);
  });
});

it('a token that a program asks for through a shell is for the program', async () => {
  const script = `require('node:child_process').execSync(process.argv[1], { stdio: 'ignore' })`;
  const tool = spawn(process.execPath, ['-e', script, `PWD=${folder}; ${client}; true`], { cwd: folder, stdio: 'inherit' });
  await once(tool, 'exit');
  expect(rootForTool(callerTold())?.pid).toBe(tool.pid);
  expect(rootForShell(callerTold())?.pid).not.toBe(tool.pid);
});

it('a shell that a person started within another of the same kind is told apart by its command line', async () => {
  const outer = open('bash', ['--norc', '--noprofile']);
  const [inner] = await outer.say(`bash --norc -c 'echo $$; eval "$(${client})"; true'`);
  expect(rootForShell(callerTold())?.pid).toBe(Number(inner));
});
