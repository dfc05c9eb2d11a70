/**
 * Which processes a grant is for. A member is a process the grant was made for, or one whose ancestors contained a member when it
 * was first seen; it stays one until it exits, whoever its parent has become. A grant of processes ends with the last of them.
 *
 * It must never admit by name, by command line or by folder: those are what a program says of itself.
 */
import type { CallerKind } from '../../preload/contract/caller.ts';
import { AppError, asAppError } from '../app-error.ts';
import { type Caller, type Callers, type ProcessRef, sameProcess } from '../caller/caller.ts';
import type { Clock, Log } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';
import { type Grant, memberLimit } from './grant.ts';
import type { Grants } from './grants.ts';

/** What a grant is bound to. 'file': to no process at all; each program is asked about once. */
export type Binding =
  | { readonly kind: 'run'; readonly root: ProcessRef; readonly cgroup: string | null }
  | { readonly kind: 'tree'; readonly root: ProcessRef }
  | { readonly kind: 'file' };

export interface Members {
  /** Whether the caller is one of the grant's; from now on it is remembered as such where it is. */
  admits(grant: Grant, caller: Caller): boolean;
  /**
   * The program that `lakepass run` has started. Where it was started in a scope named after this grant, whatever else is in that scope
   * belongs to it as well, double forks included.
   * @throws AppError CALLER_REFUSED: it is not a child of the run's root
   */
  addChild(grant: Grant, child: Caller): void;
  /** How many known ones still run. */
  count(grantId: string): number;
  close(): void;
}

/** How often it is looked whether members still run, while there are grants that would end with them. */
const lookEvery: Ms = seconds(2);

interface Watched {
  readonly grant: Grant;
  /** By pid; a process that has taken the pid of one that exited replaces it. */
  readonly known: Map<number, ProcessRef>;
}

/**
 * Watches the members of all grants that are bound to processes: those that live already, and those made from now on.
 *
 * A grant ends ('run-ended', 'program-ended') within two seconds of the exit of its last known member; where all had exited while no
 * agent ran, at once.
 */
export function createMembers(parts: {
  grants: Pick<Grants, 'list' | 'end' | 'keepMembers' | 'bindScope' | 'onMade' | 'onEnd'>;
  isAlive: Callers['isAlive'];
  /** Of this process. */
  ownPid: number;
  clock: Clock;
  log?: Log;
}): Members {
  const { grants, isAlive, ownPid, clock, log } = parts;
  const watched = new Map<string, Watched>();
  let cancelLook: (() => void) | undefined;
  let closed = false;

  function watch(grant: Grant): void {
    if (grant.state !== 'live' || grant.binding.kind === 'file') return;
    watched.set(grant.id, { grant, known: new Map(grant.members.map((member) => [member.pid, member])) });
    lookLater();
  }

  function lookLater(): void {
    if (closed || watched.size === 0) return;
    cancelLook ??= clock.after(lookEvery, () => {
      cancelLook = undefined;
      endOfExited();
      lookLater();
    });
  }

  function endOfExited(): void {
    for (const { grant, known } of [...watched.values()]) {
      if (hasLiving(known)) continue;
      watched.delete(grant.id);
      grants.end(grant.id, grant.binding.kind === 'run' ? 'run-ended' : 'program-ended').catch((error: unknown) => {
        // It has ended all the same; only the disk does not know yet.
        log?.('members.end-not-written', { code: asAppError(error).code });
      });
    }
  }

  /** Looks at one living member of a grant at most, and forgets those that it finds exited on the way. */
  function hasLiving(known: Map<number, ProcessRef>): boolean {
    for (const member of known.values()) {
      if (isAlive(member)) return true;
      known.delete(member.pid);
    }
    return false;
  }

  function remember({ grant, known }: Watched, process: ProcessRef): void {
    if (known.size >= memberLimit) for (const member of known.values()) if (!isAlive(member)) known.delete(member.pid);
    // check: members-bounded
    if (known.size >= memberLimit) return;
    // end check
    known.set(process.pid, { pid: process.pid, startTicks: process.startTicks });
    grants.keepMembers(grant, [...known.values()]);
  }

  /** A grant of an earlier run whose pid has come to us is not one of ours: its root does not live any more. */
  const isOurs = ({ binding }: Grant): boolean => binding.kind !== 'file' && binding.root.pid === ownPid && isAlive(binding.root);

  for (const grant of grants.list()) watch(grant);
  endOfExited();
  grants.onMade(watch);
  grants.onEnd(({ id }) => {
    watched.delete(id);
    if (watched.size > 0) return;
    cancelLook?.();
    cancelLook = undefined;
  });

  return {
    admits(grant, caller) {
      const found = watched.get(grant.id);
      const { process } = caller;
      if (found === undefined || process === null) return false;
      // check: members-plain-programs
      if (!plainKinds.has(caller.kind)) return false;
      // end check
      if (isKnown(found.known, process)) return true;
      // check: members-not-below-lakepass
      // What Lakepass has started, a browser for one, is not Lakepass: what it asks for itself is for no other program.
      if (isOurs(grant)) return false;
      // end check
      const known = caller.ancestors.findIndex((ancestor) => isKnown(found.known, ancestor));
      if (known < 0 && !isInRunScope(grant, caller)) return false;
      remember(found, process);
      // Those between have been seen with it: a script that starts one program after another outlives each of them.
      for (const ancestor of caller.ancestors.slice(0, Math.max(known, 0))) remember(found, ancestor);
      return true;
    },

    addChild(grant, child) {
      const found = watched.get(grant.id);
      const { process } = child;
      if (found === undefined || process === null || grant.binding.kind !== 'run')
        throw new AppError('CALLER_REFUSED', { reason: 'child' });
      const { root } = grant.binding;
      // check: members-child-of-root
      if (child.ancestors[0] === undefined || !sameProcess(child.ancestors[0], root))
        throw new AppError('CALLER_REFUSED', { reason: 'child' });
      // end check
      // check: members-root-alive
      if (!isAlive(root)) throw new AppError('CALLER_REFUSED', { reason: 'root' });
      // end check
      let scope = process.cgroup;
      // check: members-own-scope
      if (!scope?.endsWith(`/lakepass-run-${grant.id}.scope`)) scope = null;
      // end check
      if (scope !== null) grants.bindScope(grant, scope);
      if (!isKnown(found.known, process)) remember(found, process);
    },

    count(grantId) {
      return [...(watched.get(grantId)?.known.values() ?? [])].filter(isAlive).length;
    },

    close() {
      closed = true;
      cancelLook?.();
      cancelLook = undefined;
    },
  };
}

/** What is in a container, or forwards for somebody else, is asked about, wherever in the tree it stands; so is who cannot be named. */
const plainKinds: ReadonlySet<CallerKind> = new Set(['program', 'ai-agent']);

/** The pid alone would admit whoever has it now. */
function isKnown(known: ReadonlyMap<number, ProcessRef>, process: ProcessRef): boolean {
  const member = known.get(process.pid);
  if (member === undefined) return false;
  // check: members-start-time
  if (!sameProcess(member, process)) return false;
  // end check
  return true;
}

/**
 * systemd's scope for this run holds all that the run has started, double forks included. A program of this user could move itself
 * in, so a known AI agent gets nothing by it: it is a member by its ancestors, or not at all.
 */
function isInRunScope({ binding }: Grant, { process, aiAgent }: Caller): boolean {
  if (binding.kind !== 'run' || binding.cgroup === null || process?.cgroup == null) return false;
  // check: members-no-agent-by-cgroup
  if (aiAgent !== null) return false;
  // end check
  return process.cgroup === binding.cgroup || process.cgroup.startsWith(`${binding.cgroup}/`);
}
