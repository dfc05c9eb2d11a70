/** Turns the state of a session into what a person may see. No secret has a road through here. */
import type { SessionView } from '../../preload/contract/session.ts';
import type { Identity } from '../idp/signed-in.ts';
import type { EpochMs } from '../units.ts';
import type { SessionState } from './session-state.ts';

/** @param sealed whether the vault keeps what it is given beyond this process */
export function sessionView(profile: string, state: SessionState, sealed: boolean): SessionView {
  const { live, attempt, ended, renewalProblem, unkept, lastFailure } = state;
  return {
    profile,
    phase: live !== null ? 'signed-in' : attempt !== null ? 'signing-in' : ended !== null ? 'ended' : 'signed-out',
    signInWaiting: attempt !== null,
    identity: live === null ? null : identityView(live.identity),
    assurance: live === null ? null : { ...live.assurance, amr: [...live.assurance.amr], authTime: iso(live.assurance.authTime) },
    signedInAt: iso(live?.signedInAt),
    renewedAt: iso(live?.renewedAt),
    endsAt: iso(live?.ends.at),
    idleEndsAt: iso(live?.idle.at),
    renewable: live !== null && live.stored !== null && live.spent === null,
    survivesRestart: sealed && live !== null && live.stored !== null,
    renewalProblem: (renewalProblem ?? unkept)?.toFailure() ?? null,
    lastFailure: lastFailure?.toFailure() ?? null,
  };
}

const identityView = ({ issuer, subject, username, displayName, groups }: Identity) => ({
  issuer,
  subject,
  username,
  displayName,
  groups: [...groups],
});

const iso = (at: EpochMs | null | undefined): string | null => (at === null || at === undefined ? null : new Date(at).toISOString());
