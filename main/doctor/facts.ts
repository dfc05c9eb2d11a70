/** What the checks look at: plain values and questions, so that each check can be tried on any state of a machine. */
import type { StatusView } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { EpochMs, Ms } from '../units.ts';

export interface Facts {
  now: EpochMs;
  /** What the agent says of itself, of sessions, workspaces, locks, keys and policy. */
  status: StatusView;
  /** The control socket. */
  socket: string;
  /**
   * @returns false where the folder of the control socket is gone
   * @throws AppError RUNTIME_UNSAFE: others could have put it there
   */
  isRuntimeOwn: () => Promise<boolean>;
  /** The port that was kept was taken when the agent started. */
  portMoved: boolean;
  /** What is wrong with the configuration and the policy as files. */
  fileProblems: readonly Failure[];
  fileNotes: readonly string[];
  /** Somebody has signed in with the configuration, or approved it. */
  configApproved: boolean;
  tapKeyProblem: Failure | null;
  /** What the desktop cannot tell, and what a lock had to give up. */
  lockNotes: readonly string[];
  /** Folder of the audit log. */
  auditFolder: string;
  /** @throws AppError AUDIT_UNWRITABLE: the disk did not take what was written last */
  auditSynced: () => Promise<void>;
  /** The last check of the log since the start. */
  auditVerified: { isWhole: boolean; records: number; at: EpochMs; clockWentBack: boolean } | null;
  /** How far the wall clock has gone beyond running time since the start: a sleep or a step forward; negative: it was set back. */
  clockDrift: Ms;
  /** Of the agent itself, which need not be that of the person's terminals. Names of it are shown, values never. */
  env: NodeJS.ProcessEnv;
}
