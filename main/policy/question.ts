/** What policy is asked and what it answers. Both are plain values, so that a decision can be repeated, explained and tested. */
import type { CallerKind } from '../../preload/contract/caller.ts';
import type { Approval } from '../../preload/contract/consent.ts';
import type { FailureCode } from '../../preload/contract/failure.ts';
import type { EpochMs, Ms } from '../units.ts';

export type Assurance = 'unknown' | 'mfa' | 'config-asserted' | 'phr';

export const identities = ['person', 'service-principal'] as const;
export type Identity = (typeof identities)[number];

export interface Question {
  /** 'create', 'widen': a grant is asked for. 'use': a program that no consent covers uses one. 'renew': one that is covered. */
  action: 'create' | 'widen' | 'use' | 'renew';
  at: EpochMs;
  profile: string;
  /** What sort of identity asks; `person` then names the service principal, by its client id, and it is in no group. */
  identity: Identity;
  person: {
    issuer: string;
    subject: string;
    username: string;
    groups: readonly string[];
    /** Claims of the ID token that the profile names in `policyClaims`. */
    claims: Readonly<Record<string, string | readonly string[]>>;
  };
  /** `acr`: what the sign-in said of itself, to the letter; where it is left out or null, no rule that asks for one is met. */
  session: { assurance: Assurance; authTime: EpochMs | null; acr?: string | null };
  /** Tap keys touched in this session. Never "the key used at the IdP": an ID token does not name it. */
  tapKeys: readonly { aaguid: string; attested: boolean; userVerified: boolean; hardwareBound: boolean; touchedAt: EpochMs }[];
  caller: {
    kind: CallerKind;
    executable: string | null;
    /** Executables of the parents, nearest first. */
    parents: readonly string[];
    aiAgent: string | null;
    interpreter: string | null;
  };
  /** Addresses of this machine's interfaces: the local view, not what the workspace sees. */
  addresses: readonly string[];
  /** Origin. */
  workspace: string;
  /** Resolved, sorted. */
  scopes: readonly string[];
  /** How long the grant is to run from `at`; null where that is not asked. */
  life: Ms | null;
}

/** Strictest wins where several rules apply. */
export interface Obligations {
  approval: Approval;
  /** The longest an SDK may keep one answer. */
  lease: Ms;
  /** The longest a grant may run. */
  life: Ms;
  /** A token that lives longer is refused with TOKEN_LIVES_TOO_LONG; null: no limit. */
  maxTokenLife: Ms | null;
  /** The record must be on the disk before the token leaves. */
  failClosed: boolean;
}

export interface RuleReport {
  id: string;
  effect: 'deny' | 'allow';
  /** It took part in the decision. */
  applied: boolean;
  /** Which of its parts held and which did not, in words. */
  because: readonly string[];
}

export interface Decision {
  /**
   * 'step-up': it would be allowed after a fresh sign-in that proves `stepUp` (STEP_UP_NEEDED) or, where that is null, after a touch of a
   * tap key alone (TAP_NEEDED). Ask again afterwards: a key that is not what a rule asks for leaves the answer as it is.
   */
  verdict: 'allow' | 'deny' | 'step-up';
  /** For 'deny' and 'step-up'. */
  code: FailureCode | null;
  /** One sentence for people. */
  because: string;
  /** For 'step-up': what will hold then. Worth nothing for 'deny'. */
  obligations: Obligations;
  /** An empty `acr`: whatever the profile takes for the strongest. */
  stepUp: { acr: readonly string[]; maxAge: Ms } | null;
  rules: readonly RuleReport[];
  /** What would turn a no into a yes; empty for a yes that enforcement gives too. */
  wouldChange: readonly string[];
  /** `mode: observe` let through what enforcement would not have. */
  observed: boolean;
}

/** One policy, ready to be asked. Evaluation is pure: the same question has the same answer. */
export interface Policy {
  readonly id: string;
  readonly revision: number;
  /** SHA-256 of the file's bytes, hex; `built-in` for the default. */
  readonly hash: string;
  readonly mode: 'enforce' | 'observe';
  readonly limits: { readonly awayGrace: Ms; readonly idle: Ms | null; readonly dailyCap: Ms | null; readonly lockOnSuspend: boolean };
  evaluate(question: Question, as?: As): Decision;
}

/** What may differ for one question from what the file says. */
export interface As {
  readonly mode?: 'enforce' | 'observe';
  /** Ids of rules that do not bind whoever asks: a denial does not apply, a grant asks for nothing but role, workspace and caller. */
  readonly without?: ReadonlySet<string>;
}
