/** Turns the state of a session into what a person may see. No secret has a road through here. */
import type { SessionView } from '../../preload/contract/session.ts';
import type { Identity } from '../idp/signed-in.ts';
import type { EpochMs } from '../units.ts';
import type { SessionState } from './session-state.ts';

/** @param sealed whether the vault keeps what it is given beyond this process */
export function sessionView(profile: string, state: SessionState, sealed: boolean): SessionView {
  const { live, locked, shell, attempt, renewalProblem, unkept, lastFailure } = state;
  const person = live ?? shell;
  return {
    profile,
    phase: phaseOf(state),
    signInWaiting: attempt !== null,
    identity: person === null ? null : identityView(person.identity),
    assurance: person === null ? null : { ...person.assurance, amr: [...person.assurance.amr], authTime: iso(person.assurance.authTime) },
    signedInAt: iso(person?.signedInAt),
    renewedAt: iso(person?.renewedAt),
    endsAt: iso(live?.ends.at ?? shell?.endsAt),
    idleEndsAt: iso(live?.idle.at),
    renewable: !locked && live !== null && live.stored !== null && live.spent === null,
    survivesRestart: sealed && (shell?.kept ?? (live !== null && live.stored !== null)),
    renewalProblem: (renewalProblem ?? unkept)?.toFailure() ?? null,
    lastFailure: lastFailure?.toFailure() ?? null,
  };
}

function phaseOf({ live, locked, attempt, ended }: SessionState): SessionView['phase'] {
  if (locked) return 'locked';
  if (live !== null) return 'signed-in';
  if (attempt !== null) return 'signing-in';
  return ended !== null ? 'ended' : 'signed-out';
}

const identityView = ({ issuer, subject, username, displayName, groups }: Identity) => ({
  issuer,
  subject,
  username,
  displayName,
  groups: [...groups],
});

const iso = (at: EpochMs | null | undefined): string | null => (at === null || at === undefined ? null : new Date(at).toISOString());
