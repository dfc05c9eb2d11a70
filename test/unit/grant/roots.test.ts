import { describe, expect, it } from 'vitest';
import type { ProcessFacts } from '../../../main/caller/caller.ts';
import { rootForShell, rootForTool } from '../../../main/grant/roots.ts';
import { type Machine, machine, refOf } from './setting.ts';

const NODE = '/usr/bin/node';
const BASH = '/usr/bin/bash';

/** Processes from the outermost to the innermost, each the parent of the next: executable, then command line. */
function chain(pc: Machine, ...lines: [executable: string | null, commandLine: string | null][]): ProcessFacts[] {
  const made: ProcessFacts[] = [];
  for (const [executable, commandLine] of lines) {
    const parent = made.at(-1);
    made.push(pc.start({ executable, commandLine: commandLine?.split(' ') ?? null, ...(parent ? { parent } : {}) }));
  }
  return made;
}
const rootOf = (find: typeof rootForShell, lines: [string | null, string | null][]): number | null => {
  const pc = machine();
  const made = chain(pc, ...lines);
  const root = find(pc.callerOf(made.at(-1) as ProcessFacts));
  return root === null ? null : made.findIndex(({ pid, startTicks }) => pid === root.pid && startTicks === root.startTicks);
};

const TERMINAL: [string, string] = ['/usr/bin/gnome-terminal-server', 'gnome-terminal-server'];
const CLI: [string, string] = [NODE, 'node /opt/lakepass/lakepass.mjs env'];

describe('the shell that an environment is for', () => {
  it.each<[string, [string | null, string | null][], number | null]>([
    ['the parent of the command', [TERMINAL, [BASH, '-bash'], CLI], 1],
    ['not the fork for $(…)', [TERMINAL, [BASH, '-bash'], [BASH, '-bash'], CLI], 1],
    ['not the forks of several', [TERMINAL, [BASH, 'bash'], [BASH, 'bash'], [BASH, 'bash'], CLI], 1],
    [
      'not the wrapper that is our own command',
      [TERMINAL, ['/usr/bin/zsh', 'zsh'], ['/usr/bin/dash', '/bin/sh /usr/bin/lakepass env'], CLI],
      1,
    ],
    ['a script, not the shell it was started from', [TERMINAL, [BASH, '-bash'], [BASH, 'bash train.sh'], CLI], 2],
    ['a shell of another kind within a shell', [TERMINAL, [BASH, '-bash'], ['/usr/bin/fish', 'fish'], CLI], 2],
    [
      'one that was replaced by an upgrade while it ran',
      [TERMINAL, [`${BASH} (deleted)`, '-bash'], [`${BASH} (deleted)`, '-bash'], CLI],
      1,
    ],
    ['one above a program that is no shell', [TERMINAL, [BASH, '-bash'], ['/usr/bin/make', 'make env'], CLI], 1],
    ['none where there is no shell', [['/usr/lib/systemd/systemd', 'systemd --user'], CLI], null],
    ['the nearer of two whose command lines are not known', [[BASH, null], [BASH, null], CLI], 1],
    ['the nearer of two with other words', [[BASH, 'bash -l'], [BASH, 'bash -l -i'], CLI], 1],
    ['none where nothing is known of the parents', [[null, null], CLI], null],
  ])('is %s', (_title, lines, expected) => {
    expect(rootOf(rootForShell, lines)).toBe(expected);
  });

  it('is named by pid and start time and by nothing else', () => {
    const pc = machine();
    const [shell, cli] = chain(pc, [BASH, '-bash'], CLI) as [ProcessFacts, ProcessFacts];
    expect(rootForShell(pc.callerOf(cli))).toEqual(refOf(shell));
  });
});

describe('the program that a printed token is for', () => {
  const SH: [string, string] = ['/usr/bin/dash', '/bin/sh /usr/local/bin/lakepass token -s sql'];
  const CURL: [string, string] = ['/usr/bin/curl', 'curl -q -sf'];

  it.each<[string, [string | null, string | null][], number | null]>([
    ['the parent of the command', [[BASH, '-bash'], ['/usr/bin/python3', 'python app.py'], CLI], 1],
    ['above our own script, its fork and its curl', [[BASH, '-bash'], ['/usr/bin/dbt', 'dbt run'], SH, SH, CURL], 1],
    ['above a shell for one line', [['/usr/bin/python3', 'python app.py'], ['/usr/bin/dash', 'sh -c lakepass token'], CLI], 0],
    ['above a shell for one line with more flags', [['/opt/claude', 'claude'], [BASH, 'bash -lc lakepass'], CLI], 0],
    ['the shell itself where a person typed it', [TERMINAL, [BASH, '-bash'], [BASH, '-bash'], CLI], 1],
    [
      'the line, where only a service manager is above it',
      [['/usr/lib/systemd/systemd', 'systemd --user'], ['/usr/bin/dash', 'sh -c lakepass token'], CLI],
      1,
    ],
    ['nobody, where a service manager runs it', [['/usr/lib/systemd/systemd', 'systemd --user'], CLI], null],
    ['nobody, where the whole login would be meant', [['/usr/bin/tmux', 'tmux new'], CLI], null],
    ['nobody, where nothing is known', [CLI], null],
  ])('is %s', (_title, lines, expected) => {
    expect(rootOf(rootForTool, lines)).toBe(expected);
  });

  it('is never the first process of the machine', () => {
    const pc = machine();
    const first = pc.start({ pid: 1, executable: '/usr/bin/my-own-init' });
    const cli = pc.start({ executable: NODE, parent: first });
    expect(rootForTool(pc.callerOf(cli))).toBeNull();
  });
});
