/** What goes with a yes. Where several rules gave it, the strictest of each holds: no rule can loosen what another asks for. */
import { approvals } from '../../preload/contract/consent.ts';
import { hours, type Ms, ms, seconds } from '../units.ts';
import type { Obligations, Question } from './question.ts';

/** Goes with a no, where nothing is given that it could bind. */
export const nothingGiven: Obligations = { approval: 'tap', lease: seconds(60), life: ms(0), maxTokenLife: null, failClosed: true };

/** @param all of at least one rule */
export function strictest(all: readonly Obligations[]): Obligations {
  if (all.length === 0) return nothingGiven;
  return all.reduce((one, other) => ({
    approval: stricter(one.approval, other.approval),
    lease: ms(Math.min(one.lease, other.lease)),
    life: ms(Math.min(one.life, other.life)),
    maxTokenLife: shorter(one.maxTokenLife, other.maxTokenLife),
    failClosed: one.failClosed || other.failClosed,
  }));
}

const stricter = (one: Obligations['approval'], other: Obligations['approval']) =>
  approvals.indexOf(one) > approvals.indexOf(other) ? one : other;

const shorter = (one: Ms | null, other: Ms | null): Ms | null => (one === null ? other : other === null ? one : ms(Math.min(one, other)));

/** A program that is covered already goes on without a person: the yes was said when the grant was made. */
export const forAction = (action: Question['action'], obligations: Obligations): Obligations =>
  action === 'renew' ? { ...obligations, approval: 'none' } : obligations;

/** What a policy that only observes asks for where it would have said no: as much as without a policy file. */
export const whileObserving = ({ caller }: Question): Obligations => ({
  approval: 'tap',
  lease: seconds(300),
  life: caller.kind === 'program' ? hours(24) : hours(1),
  maxTokenLife: null,
  failClosed: false,
});
