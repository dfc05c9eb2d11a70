/**
 * A gate that says yes until a test has it say something else. As strict as the real one's contract: whoever asks it about a grant
 * that has ended, or says that a token has left without leave, has a bug.
 */
import { AppError } from '../../main/app-error.ts';
import type { Gate, Leave } from '../../main/broker/gate.ts';
import type { Caller, Peer } from '../../main/caller/caller.ts';
import { hours } from '../../main/units.ts';
import type { FailureCode } from '../../preload/contract/failure.ts';

export type Yes = Extract<Leave, { kind: 'yes' }>;

export interface StrictGate extends Gate {
  /** What it says from now on. */
  says: (caller: Caller) => Leave;
  /** Who asked, in turn. */
  readonly asked: { grant: string; caller: Caller }[];
  /** For which grants a token has left. */
  readonly usedFor: { grant: string; caller: Caller }[];
  readonly looks: { grant: string; caller: Caller; peer: Peer }[];
  /** What a look at the holders finds. */
  sole: () => Promise<boolean>;
}

/** Leave without any limit of its own. */
export const yes = (limits: Partial<Yes> = {}): Yes => ({ kind: 'yes', lease: hours(1), maxTokenLife: null, failClosed: false, ...limits });

export const no = (code: FailureCode): Leave => ({ kind: 'no', error: new AppError(code) });

/** A question to a person that a test answers. */
export function openQuestion(code: FailureCode = 'CONSENT_PENDING') {
  const { promise, resolve } = Promise.withResolvers<void>();
  const question = {
    withdrawn: 0,
    answer: resolve,
    leave: (): Leave => ({ kind: 'ask', error: new AppError(code), answered: promise, withdraw: () => void question.withdrawn++ }),
  };
  return question;
}

export function strictGate(): StrictGate {
  const requireLive = (grant: { id: string; state: string }, what: string): void => {
    if (grant.state !== 'live') throw new Error(`${what} about ${grant.id}, which has ended`);
  };
  const gate: StrictGate = {
    says: () => yes(),
    asked: [],
    usedFor: [],
    looks: [],
    sole: async () => true,
    leave(grant, caller) {
      requireLive(grant, 'asked');
      gate.asked.push({ grant: grant.id, caller });
      return gate.says(caller);
    },
    used(grant, caller) {
      if (!gate.asked.some((asked) => asked.grant === grant.id && asked.caller === caller)) throw new Error('used without leave');
      gate.usedFor.push({ grant: grant.id, caller });
    },
    async soleHolder(grant, caller, peer) {
      requireLive(grant, 'asked for the holders');
      gate.looks.push({ grant: grant.id, caller, peer });
      return gate.sole();
    },
  };
  return gate;
}
