/** The doctor: puts before its checks what the nouns know of this moment. It reads and changes nothing. */
import type { StatusView } from '../../preload/contract/control.ts';
import type { DoctorLine, DoctorView, ErrorExplained } from '../../preload/contract/doctor.ts';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Verifying } from '../audit/verifying.ts';
import { type Check, runChecks } from '../doctor/check.ts';
import { checks, farChecks, newProfileChecks, tokenChecks } from '../doctor/checks.ts';
import { explain } from '../doctor/explain.ts';
import type { Facts } from '../doctor/facts.ts';
import type { FarFacts } from '../doctor/far-facts.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import { checkRuntime, type Places } from '../places.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { ms } from '../units.ts';
import { type FarParts, type FarQuestion, farFacts, unused } from './far-look.ts';
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
  far: FarParts;
  /** Names of scopes that may be repeated. */
  scopes: readonly string[];
}

export interface Doctor extends Pick<UiAgent, 'doctor' | 'doctor/far' | 'doctor/explain'> {
  /** Everything there is to look at, told as it comes. @throws AppError PROFILE_UNKNOWN */
  look(question: FarQuestion, tell: (line: DoctorLine) => void): Promise<void>;
  /** A profile that is not in use yet: the ways, the provider, the client. */
  lookAtNew(profile: Profile): Promise<DoctorView>;
  /** The token of whoever is signed in there, against what federation policies go by. */
  lookAtToken(profile: string): Promise<DoctorView>;
}

/** Made at the start of the agent: how the clock has moved is counted from then. */
export function createDoctor(parts: DoctorParts): Doctor {
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

  /** Whoever asks while others are asked waits, so that no crowd of programs can make a crowd of requests. */
  let before: Promise<unknown> = Promise.resolve();
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = before.then(run, run);
    before = turn.catch(() => undefined);
    return turn;
  }

  /** One object, in which what the nouns know is still looked up by the check that wants it. */
  const allFacts = async (question: FarQuestion, far: FarParts = parts.far): Promise<FarFacts> =>
    Object.defineProperties(facts(), Object.getOwnPropertyDescriptors(await farFacts(far, question))) as FarFacts;

  return {
    doctor: () => runChecks(checks, facts(), { clock, log }),

    'doctor/far': () => inTurn(async () => runChecks(farChecks, await allFacts({ terminal: null }), { clock, log })),

    lookAtNew: (profile) =>
      inTurn(async () => {
        const alone = { ...parts.far, companies: new Map([[profile.name, unused(profile)]]), servicePrincipals: new Map() };
        return runChecks(newProfileChecks, await allFacts({ terminal: null }, alone), { clock, log });
      }),

    lookAtToken: (profile) => inTurn(async () => runChecks(tokenChecks, await allFacts({ profile, terminal: null }), { clock, log })),

    'doctor/explain'({ text, grant }) {
      const found = grant === undefined ? undefined : parts.far.grants.get(grant);
      const explained = explain(text, { scopes: parts.scopes, ...(found === undefined ? {} : { held: found }) });
      return { ...explained, scopes: [...explained.scopes] } satisfies ErrorExplained;
    },

    look: (question, tell) =>
      inTurn(async () => {
        const { profile } = question;
        if (profile !== undefined && !parts.far.companies.has(profile) && !parts.far.servicePrincipals.has(profile))
          throw new AppError('PROFILE_UNKNOWN');
        const all: readonly Check<FarFacts>[] = [...checks, ...farChecks];
        tell({ looks: all.length });
        const view = await runChecks(all, await allFacts(question), { clock, log, told: (found) => tell({ found }) });
        tell({ view });
      }),
  };
}
