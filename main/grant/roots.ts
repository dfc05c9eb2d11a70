/**
 * The process whose tree a grant is for, found among the parents of whoever asked. Names and command lines are only used to choose
 * among the caller's own parents: a program that lies about them binds its grant to another of its own parents, never to a stranger.
 */
import { basename } from 'node:path';
import type { Caller, ProcessFacts, ProcessRef } from '../caller/caller.ts';

const shells = new Set([
  'ash',
  'bash',
  'busybox',
  'csh',
  'dash',
  'elvish',
  'fish',
  'ksh',
  'ksh93',
  'mksh',
  'nu',
  'pwsh',
  'sh',
  'tcsh',
  'yash',
  'zsh',
  'zsh5',
]);

/** Parents of everything a person runs: the tree of one of them is no tree of one program. */
const sessionWide = new Set([
  ...[
    'init',
    'systemd',
    'launchd',
    'login',
    'su',
    'sudo',
    'sshd',
    'sshd-session',
    'sshd-auth',
    'tmux',
    'screen',
    'dbus-daemon',
    'dbus-broker',
  ],
  ...['gnome-shell', 'gnome-session-binary', 'plasmashell', 'ksmserver', 'Xorg', 'containerd-shim-runc-v2', 'cron', 'crond', 'atd'],
]);

/** A program that was replaced while it runs (an upgrade) is shown with this suffix; see proc_pid_exe(5). */
const nameOf = ({ executable }: ProcessFacts): string => basename((executable ?? '').replace(/ \(deleted\)$/, ''));
const isShell = (process: ProcessFacts): boolean => shells.has(nameOf(process));
const isSessionWide = (process: ProcessFacts): boolean => process.pid === 1 || sessionWide.has(nameOf(process));
const refOf = ({ pid, startTicks }: ProcessRef): ProcessRef => ({ pid, startTicks });

/** `$(…)`, `( … )` and pipelines fork the shell without starting anything: the copy shows what its parent shows, and ends with the line. */
const isCopyOf = (child: ProcessFacts, parent: ProcessFacts | undefined): boolean =>
  parent !== undefined &&
  child.executable !== null &&
  child.executable === parent.executable &&
  child.commandLine !== null &&
  parent.commandLine !== null &&
  child.commandLine.length === parent.commandLine.length &&
  child.commandLine.every((word, index) => word === parent.commandLine?.[index]);

/** `sh -c 'lakepass token'`, which a program starts to run one line. */
const runsOneLine = (process: ProcessFacts): boolean => isShell(process) && /^-[a-z]*c$/.test(process.commandLine?.[1] ?? '');

/** `sh …/lakepass token`: our own command, which ends with its answer. */
const isOurCommand = (process: ProcessFacts): boolean =>
  isShell(process) &&
  !runsOneLine(process) &&
  basename(process.commandLine?.slice(1).find((word) => !word.startsWith('-')) ?? '') === 'lakepass';

/** The first process from `index` on that is no forked copy of its parent. */
function original(ancestors: readonly ProcessFacts[], index: number): number {
  let at = index;
  for (let each = ancestors[at]; each !== undefined && isCopyOf(each, ancestors[at + 1]); each = ancestors[at]) at += 1;
  return at;
}

/**
 * The shell that takes in what `lakepass env` prints, as in `eval "$(lakepass env)"`: the nearest shell above the command that is
 * not a forked copy of its parent. Null where there is no shell at all.
 */
export function rootForShell({ ancestors }: Caller): ProcessRef | null {
  const first = ancestors.findIndex((each) => isShell(each) && !isOurCommand(each));
  const found = first < 0 ? undefined : ancestors[original(ancestors, first)];
  return found === undefined ? null : refOf(found);
}

/**
 * The program that ran `lakepass token`: what stands above our own command and above a shell that was started for this one line.
 * Null where nothing is known of it.
 */
export function rootForTool({ ancestors }: Caller): ProcessRef | null {
  const at = ancestors.findIndex((each) => !isOurCommand(each));
  const here = at < 0 ? undefined : ancestors[original(ancestors, at)];
  // check: root-not-session-wide
  if (here !== undefined && isSessionWide(here)) return null;
  // end check
  if (here === undefined) return null;
  const above = runsOneLine(here) ? ancestors[original(ancestors, ancestors.indexOf(here) + 1)] : undefined;
  return refOf(above === undefined || isSessionWide(above) ? here : above);
}
