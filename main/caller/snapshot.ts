/**
 * Callers on systems whose facts come from commands: a list of processes, then more about a few of them, then the list again. A process
 * that is not the same in both lists does not exist. Each question starts commands, so this is slow; it is exact all the same.
 */
import { type Attribution, type Caller, type Callers, type Peer, type ProcessFacts, unknownCaller } from './caller.ts';
import type { ProcessStat } from './process-files.ts';
import { recognise } from './recognise.ts';
import { createSightings, type ReadableProcess } from './sighting.ts';

/** Programs of the system, run without a shell. */
export interface Commands {
  /** Standard output, whatever the exit status; rejects when the program cannot be run. */
  run(command: string, args: readonly string[]): Promise<string>;
  /** The same, at once. @throws as `run` rejects */
  runNow(command: string, args: readonly string[]): string;
}

/** As a system's commands show a process; the unit of `startTicks` is the system's own. */
export interface ListedProcess extends ProcessStat {
  /** null: not one that can be told from here, and never ours. */
  uid: number | null;
  commandLine: string[] | null;
}

export interface HolderRow {
  pid: number;
  /** null: only the list of processes can tell. */
  uid: number | null;
}

/** What a system has to offer. Each of these may reject. */
export interface System {
  /** The processes that hold the other end. */
  holders(peer: Peer): Promise<HolderRow[]>;
  /** Those of `pids`, or all. */
  list(pids?: readonly number[]): Promise<Map<number, ListedProcess>>;
  details(pids: readonly number[]): Promise<Map<number, Pick<ProcessFacts, 'executable' | 'folder'>>>;
  startTicksNow(pid: number): number | null;
}

const longestChain = 32;

export function createSnapshotCallers({
  system,
  uid,
  extraAiAgents,
}: {
  system: System;
  uid: number;
  extraAiAgents: () => readonly string[];
}): Callers {
  async function inspect(pid: number): Promise<Caller | null> {
    const before = await system.list();
    const chain = chainOf(pid, before);
    const details = await system.details(chain);
    const after = await system.list(chain);
    const same = (one: number): ListedProcess | undefined => {
      const [first, last] = [before.get(one), after.get(one)];
      // check: caller-listed-twice
      if (first?.startTicks !== last?.startTicks || first?.parent !== last?.parent) return undefined;
      // end check
      return last;
    };
    const sighting = createSightings({ files: readable(same, details), uid }).see(pid);
    return sighting && recognise(sighting, extraAiAgents());
  }

  async function attribute(peer: Peer): Promise<Attribution> {
    const [first] = await system.holders(peer);
    const owner = first?.uid ?? (first && (await system.list([first.pid])).get(first.pid)?.uid) ?? null;
    // check: caller-listed-foreign-uid
    if (first === undefined || owner !== uid) return { uid: owner, caller: unknownCaller };
    // end check
    return { uid: owner, caller: (await inspect(first.pid)) ?? unknownCaller };
  }

  return {
    inspect: (pid) => inspect(pid).catch(() => null),
    attribute: (peer) => attribute(peer).catch(() => ({ uid: null, caller: unknownCaller })),
    async holders(peer) {
      const rows = await system.holders(peer).catch(() => []);
      const callers = await Promise.all(rows.map(({ pid }) => inspect(pid).catch(() => null)));
      return callers.filter((caller) => caller !== null);
    },
    isAlive({ pid, startTicks }) {
      try {
        return system.startTicksNow(pid) === startTicks;
      } catch {
        return false;
      }
    },
    close: async () => undefined,
  };
}

function chainOf(pid: number, list: ReadonlyMap<number, ListedProcess>): number[] {
  const chain: number[] = [];
  for (let at = pid; list.has(at) && !chain.includes(at) && chain.length <= longestChain; at = list.get(at)?.parent ?? 0) chain.push(at);
  return chain;
}

/** There are no namespaces here, and the environment of others is left alone. */
function readable(
  listed: (pid: number) => ListedProcess | undefined,
  details: ReadonlyMap<number, Pick<ProcessFacts, 'executable' | 'folder'>>,
): ReadableProcess {
  return {
    stat: (pid) => listed(pid) ?? null,
    uid: (pid) => listed(pid)?.uid ?? null,
    commandLine: (pid) => listed(pid)?.commandLine ?? null,
    executable: (pid) => details.get(pid)?.executable ?? null,
    folder: (pid) => details.get(pid)?.folder ?? null,
    cgroup: () => null,
    namespaces: () => 'one for all',
    notebook: () => null,
  };
}
