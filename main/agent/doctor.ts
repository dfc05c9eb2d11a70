/** The doctor: puts before its checks what the nouns know of this moment. It reads and changes nothing. */
import type { StatusView } from '../../preload/contract/control.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Verifying } from '../audit/verifying.ts';
import { runChecks } from '../doctor/check.ts';
import { checks } from '../doctor/checks.ts';
import type { Facts } from '../doctor/facts.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import { checkRuntime, type Places } from '../places.ts';
import type { Clock, Log } from '../ports.ts';
import { ms } from '../units.ts';
import type { Locking } from './locking.ts';
import type { OwnFiles } from './own-files.ts';

export interface DoctorParts {
  status: () => StatusView;
  places: Pick<Places, 'runtime' | 'socket'>;
  /** The broker's port is another one than before. */
  portMoved: () => boolean;
  files: Pick<OwnFiles, 'problems' | 'notes' | 'configApproved'>;
  tapKeys: Pick<TapKeys, 'problem'>;
  locking: Pick<Locking, 'notes'>;
  audit: Pick<AuditLog, 'synced'>;
  auditFolder: string;
  verifying: Pick<Verifying, 'last'>;
  /** Of this process. */
  env: NodeJS.ProcessEnv;
  clock: Clock;
  log: Log;
}

/** Made at the start of the agent: how the clock has moved is counted from then. */
export function createDoctor(parts: DoctorParts): Pick<UiAgent, 'doctor'> {
  const { clock, log, files, places } = parts;
  const start = { wall: clock.now(), running: clock.elapsed() };

  function verified(): Facts['auditVerified'] {
    const last = parts.verifying.last();
    if (last === null) return null;
    const { ok, records, notes } = last.verification;
    return { isWhole: ok, records, at: last.at, clockWentBack: notes.some(({ note }) => note === 'clock-went-back') };
  }

  /** Looked up by the check that wants to know it: what cannot be had is that check's trouble alone. */
  const facts = (): Facts => ({
    now: clock.now(),
    get status() {
      return parts.status();
    },
    socket: places.socket,
    isRuntimeOwn: () => checkRuntime(places),
    get portMoved() {
      return parts.portMoved();
    },
    get fileProblems() {
      return files.problems();
    },
    get fileNotes() {
      return files.notes();
    },
    get configApproved() {
      return files.configApproved();
    },
    get tapKeyProblem() {
      return parts.tapKeys.problem;
    },
    get lockNotes() {
      return parts.locking.notes();
    },
    auditFolder: parts.auditFolder,
    auditSynced: () => parts.audit.synced(),
    get auditVerified() {
      return verified();
    },
    clockDrift: ms(clock.now() - start.wall - (clock.elapsed() - start.running)),
    env: parts.env,
  });

  return { doctor: () => runChecks(checks, facts(), { clock, log }) };
}
