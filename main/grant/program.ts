/**
 * Which program an answer is about. For a native program that is its executable; for an interpreter (python, node, java, R, a shell)
 * it is the process tree, or interpreter, script and folder: never the interpreter alone, or a yes to one notebook would be a yes to
 * every script on the machine.
 */
import { type Caller, type ProcessRef, sameProcess } from '../caller/caller.ts';

/** A program that can be recognised in another process, now or after a restart. */
export interface Program {
  readonly executable: string;
  /** Of an interpreter; as its command line names it, with the folder it was started in. */
  readonly script: string | null;
  readonly folder: string | null;
}

export type Reach =
  | { readonly by: 'program'; readonly program: Program }
  /** One process and what it starts. */
  | { readonly by: 'tree'; readonly root: ProcessRef }
  /** Nothing is known of who asked. */
  | { readonly by: 'nobody' };

/** The caller as a program; null where only its process can be told from others. */
export function programOf({ kind, process, interpreter }: Caller): Program | null {
  const executable = process?.executable ?? null;
  // A path means another file in a container, and none at all once the file was replaced (proc_pid_exe(5)).
  if (executable === null || kind === 'container' || kind === 'unknown' || executable.endsWith(' (deleted)')) return null;
  if (interpreter === null) return { executable, script: null, folder: null };
  // check: program-never-interpreter-alone
  if (interpreter.script === null || process?.folder == null) return null;
  // end check
  return { executable, script: interpreter.script, folder: process.folder };
}

export const sameProgram = (a: Program, b: Program): boolean =>
  a.executable === b.executable && a.script === b.script && a.folder === b.folder;

export const treeOf = ({ process }: Caller): Reach =>
  process === null ? { by: 'nobody' } : { by: 'tree', root: { pid: process.pid, startTicks: process.startTicks } };

/** What tells this caller's program from others for as long as an answer may last. */
export function lastingReachOf(caller: Caller): Reach {
  const program = programOf(caller);
  return program === null ? treeOf(caller) : { by: 'program', program };
}

/** The process, or one of its ancestors, is the root of the tree. */
export const isWithin = ({ process, ancestors }: Caller, root: ProcessRef): boolean =>
  process !== null && (sameProcess(process, root) || ancestors.some((ancestor) => sameProcess(ancestor, root)));

/** Whether what was said about `reach` was said about this caller. */
export function reaches(reach: Reach, caller: Caller): boolean {
  if (reach.by === 'nobody') return caller.process === null;
  if (reach.by === 'tree') return isWithin(caller, reach.root);
  const program = programOf(caller);
  return program !== null && sameProgram(program, reach.program);
}

export const sameReach = (a: Reach, b: Reach): boolean =>
  (a.by === 'nobody' && b.by === 'nobody') ||
  (a.by === 'tree' && b.by === 'tree' && sameProcess(a.root, b.root)) ||
  (a.by === 'program' && b.by === 'program' && sameProgram(a.program, b.program));

/**
 * In what capacity a program asks. A yes to `curl` in a person's shell is none to the `curl` of an AI agent, and a yes to what
 * runs on this machine is none to what comes through a forwarder or out of a container.
 */
export interface Standing {
  readonly kind: 'plain' | 'container' | 'forwarder' | 'unknown';
  readonly aiAgent: string | null;
}

export const standingOf = ({ kind, aiAgent }: Caller): Standing => ({
  kind: kind === 'program' || kind === 'ai-agent' ? 'plain' : kind,
  aiAgent,
});

export const sameStanding = (a: Standing, b: Standing): boolean => a.kind === b.kind && a.aiAgent === b.aiAgent;
