/**
 * One process and those above it, seen at one moment: everything is read, then what identifies each process is read again. If
 * anything has changed in between, all is read anew, so that facts of two processes are never mixed. What cannot be held still is
 * not reported.
 */
import type { ProcessFacts } from './caller.ts';
import type { ProcessFiles } from './process-files.ts';

/** What the system said, before anybody has made sense of it. */
export interface Sighting {
  process: ProcessFacts;
  /** Parent first. */
  ancestors: ProcessFacts[];
  /** Whether it lives in the same mount, pid and user namespace as we do. */
  namespaces: 'ours' | 'others' | 'unknown';
  notebook: string | null;
}

/** What must be known of processes to see them. */
export type ReadableProcess = Omit<ProcessFiles, 'descriptors' | 'descriptor' | 'pids'>;

interface Seen {
  facts: ProcessFacts;
  parent: number;
}

const attempts = 3;
const longestChain = 32;

/** @param uid whose processes may be looked at; others do not exist */
export function createSightings({ files, uid }: { files: ReadableProcess; uid: number }): { see(pid: number): Sighting | null } {
  let ourNamespaces: string | null | undefined;

  function look(pid: number): Seen | null {
    const stat = files.stat(pid);
    if (stat === null) return null;
    // check: caller-own-process
    if (files.uid(pid) !== uid) return null;
    // end check
    const facts: ProcessFacts = {
      ...{ pid, startTicks: stat.startTicks, uid },
      executable: files.executable(pid),
      commandLine: files.commandLine(pid),
      folder: files.folder(pid),
      cgroup: files.cgroup(pid),
    };
    return { facts, parent: stat.parent };
  }

  /** Up to the first process of somebody else, and never to process 1: it takes in whoever has lost his parent. */
  function climb(first: Seen): Seen[] {
    const chain = [first];
    for (let child = first; child.parent > 1 && chain.length <= longestChain; ) {
      const parent = look(child.parent);
      if (parent === null) break;
      // A parent is never younger than its child, so a chain that is followed while it changes cannot run in circles.
      // check: caller-chain-order
      if (parent.facts.startTicks > child.facts.startTicks) break;
      // end check
      chain.push(parent);
      child = parent;
    }
    return chain;
  }

  function isSteady({ facts, parent }: Seen): boolean {
    const now = files.stat(facts.pid);
    return now?.startTicks === facts.startTicks && now.parent === parent && files.executable(facts.pid) === facts.executable;
  }

  function namespacesOf(pid: number): Sighting['namespaces'] {
    ourNamespaces ??= files.namespaces('self');
    const theirs = files.namespaces(pid);
    if (theirs === null || ourNamespaces === null) return 'unknown';
    return theirs === ourNamespaces ? 'ours' : 'others';
  }

  function trySeeing(pid: number): Sighting | null | 'changed' {
    const first = look(pid);
    if (first === null) return null;
    const chain = climb(first);
    const namespaces = namespacesOf(pid);
    const notebook = files.notebook(pid);
    // check: caller-steady
    if (!chain.every(isSteady)) return 'changed';
    // end check
    return { process: first.facts, ancestors: chain.slice(1).map(({ facts }) => facts), namespaces, notebook };
  }

  return {
    see(pid) {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const seen = trySeeing(pid);
        if (seen !== 'changed') return seen;
      }
      return null;
    },
  };
}
