/** Puts together what policy is asked: who, proven how, which program, for what. Everything it names is a fact of this moment. */
import { networkInterfaces } from 'node:os';
import type { Caller } from '../caller/caller.ts';
import { servicePrincipalIssuer } from '../grant/grant.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Question } from '../policy/question.ts';
import type { Clock } from '../ports.ts';
import type { Session } from '../session/session.ts';
import type { EpochMs, Ms } from '../units.ts';

export interface Asked {
  action: Question['action'];
  profile: string;
  caller: Caller;
  /** Origin. */
  workspace: string;
  scopes: readonly string[];
  /** How long the grant is to run; null where that is settled. */
  life: Ms | null;
}

export type Questions = (asked: Asked) => Question | null;

/** @returns null where nobody is signed in: there is no person to ask about */
export const createQuestions =
  (parts: {
    session: (profile: string) => Pick<Session, 'view' | 'claims'> | undefined;
    tapKeys: Pick<TapKeys, 'touches' | 'ownedBy'>;
    /** The person who approves in the name of a service principal, null where none is there; undefined for every other profile. */
    approver: (profile: string) => { issuer: string; subject: string } | null | undefined;
    clock: Clock;
  }): Questions =>
  ({ action, profile, caller, workspace, scopes, life }) => {
    const session = parts.session(profile);
    const view = session?.view();
    if (session === undefined || view?.identity == null || view.assurance === null) return null;
    const { issuer, subject, username, groups } = view.identity;
    const { level, authTime, acr } = view.assurance;
    let touches = parts.tapKeys.touches();
    // check: question-own-touches
    const approver = parts.approver(profile);
    const toucher = approver === undefined ? { issuer, subject } : approver;
    const own = toucher === null ? [] : parts.tapKeys.ownedBy(toucher);
    touches = touches.filter(({ keyId }) => own.includes(keyId));
    // end check
    return {
      action,
      at: parts.clock.now(),
      profile,
      identity: issuer === servicePrincipalIssuer ? 'service-principal' : 'person',
      person: { issuer, subject, username, groups, claims: session.claims() },
      session: { assurance: level, authTime: authTime === null ? null : (Date.parse(authTime) as EpochMs), acr },
      tapKeys: touches,
      caller: {
        kind: caller.kind,
        executable: caller.process?.executable ?? null,
        parents: caller.ancestors.flatMap(({ executable }) => executable ?? []),
        aiAgent: caller.aiAgent,
        interpreter: caller.interpreter?.name ?? null,
      },
      addresses: ownAddresses(),
      workspace,
      scopes,
      life,
    };
  };

/** Addresses of the interfaces as this machine sees them; what a workspace sees may be another one. */
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
  );
