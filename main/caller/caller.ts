/**
 * Who is on the other end of a connection, as far as the system can say. Attribution is for consent, policy and audit; it is not
 * authentication: a program that runs as the same user can drive another one.
 */
import type { CallerKind } from '../../preload/contract/caller.ts';

/** A pid alone names whoever has it now; with its start time it names one process of this boot for ever. */
export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTicks: number;
}

export const sameProcess = (a: ProcessRef, b: ProcessRef): boolean => a.pid === b.pid && a.startTicks === b.startTicks;

/** null: the system did not say. The command line is what the program shows of itself, so it is a claim; all else is verified. */
export interface ProcessFacts extends ProcessRef {
  readonly uid: number;
  readonly executable: string | null;
  readonly commandLine: readonly string[] | null;
  readonly folder: string | null;
  /** Path in the unified hierarchy. */
  readonly cgroup: string | null;
}

export interface Caller {
  /** The strictest that applies: container, then forwarder, then ai-agent, then program; unknown where no process was found. */
  readonly kind: CallerKind;
  readonly process: ProcessFacts | null;
  /** Parent first, up to the first process of another user or the end. */
  readonly ancestors: readonly ProcessFacts[];
  /** Name of the known AI agent program in the chain, the caller itself included. */
  readonly aiAgent: string | null;
  /** Name of the known forwarder. */
  readonly forwarder: string | null;
  /** Set for python, node, java, R and shells: which, and the script it runs where the command line names one. */
  readonly interpreter: { readonly name: string; readonly script: string | null } | null;
  /** `JPY_SESSION_NAME` of the process; claimed. */
  readonly notebook: string | null;
}

/** Nobody the system can name. */
export const unknownCaller: Caller = {
  kind: 'unknown',
  process: null,
  ancestors: [],
  aiAgent: null,
  forwarder: null,
  interpreter: null,
  notebook: null,
};

export interface Peer {
  localPort: number;
  remotePort: number;
  /** Both ends are ::1 in place of 127.0.0.1. */
  v6?: boolean | undefined;
}

export interface Attribution {
  /** null: the system cannot say, which must never be read as "ours". */
  readonly uid: number | null;
  readonly caller: Caller;
}

export interface Callers {
  /**
   * The user and the program on the other end of a connection between two ends of 127.0.0.1, or of ::1. Never throws; a foreign uid comes
   * without a caller, and no process is looked at for it.
   */
  attribute(peer: Peer): Promise<Attribution>;
  /** Every process that holds the other end now, for the check after the answer. */
  holders(peer: Peer): Promise<readonly Caller[]>;
  /** A process of our own user by its pid; null where there is none. */
  inspect(pid: number): Promise<Caller | null>;
  /** Whether that very process still runs (a zombie does not). */
  isAlive(process: ProcessRef): boolean;
  close(): Promise<void>;
}
