/** A process and its parents as /proc shows them, read by the simplest means there are. */
import { readFileSync, readlinkSync } from 'node:fs';
import type { Caller, ProcessFacts, ProcessRef } from '../../../main/caller/caller.ts';

/** The numbers after the name, which may itself hold blanks and brackets; see proc_pid_stat(5). */
const statOf = (pid: number): string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

function factsOf(pid: number): ProcessFacts & { parent: number } {
  const stat = statOf(pid);
  const text = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  return {
    ...{ pid, startTicks: Number(stat[19]), parent: Number(stat[1]), uid: Number(/^Uid:\t(\d+)/m.exec(text('status'))?.[1]) },
    ...{ executable: readlinkSync(`/proc/${pid}/exe`), commandLine: text('cmdline').split('\0').slice(0, -1) },
    ...{ folder: readlinkSync(`/proc/${pid}/cwd`), cgroup: /^0::(.*)$/m.exec(text('cgroup'))?.[1] ?? null },
  };
}

/** @param upTo the last ancestor to look at */
export function callerOf(pid: number, upTo: number): Caller {
  const chain = [factsOf(pid)];
  for (let last = chain[0]; last !== undefined && last.pid !== upTo && last.parent > 1; last = chain.at(-1))
    chain.push(factsOf(last.parent));
  const [process, ...ancestors] = chain.map(({ parent: _, ...facts }) => facts);
  return { kind: 'program', process: process ?? null, ancestors, aiAgent: null, forwarder: null, interpreter: null, notebook: null };
}

export function isAlive({ pid, startTicks }: ProcessRef): boolean {
  try {
    const stat = statOf(pid);
    return stat[0] !== 'Z' && Number(stat[19]) === startTicks;
  } catch {
    return false;
  }
}
