/** What the policy says, in the words of people. */
import type { z } from 'zod';
import type { Explanation, obligationsViewSchema, PolicyPage, ruleViewSchema } from '../../preload/contract/policy.ts';
import { texts } from '../texts.ts';
import { lasting } from '../ui/time.tsx';

const words = texts.policy;
const secondsInWords = (seconds: number): string => lasting(seconds * 1000);
export type Obligations = z.infer<typeof obligationsViewSchema>;
export type RuleView = z.infer<typeof ruleViewSchema>;
export type Mine = PolicyPage['mine'][number];

/** How one is asked and what holds afterwards, a few words each. */
export function obligationWords(obligations: Obligations): string[] {
  const { approval, lifeSeconds, leaseSeconds, maxTokenLifeSeconds, failClosed } = obligations;
  return [
    words.approvals[approval],
    words.life(secondsInWords(lifeSeconds)),
    words.lease(secondsInWords(leaseSeconds)),
    ...(maxTokenLifeSeconds === null ? [] : [words.tokenLife(secondsInWords(maxTokenLifeSeconds))]),
    ...(failClosed ? [words.failClosed] : []),
  ];
}

/** The rules that took part before those that did not. */
export const rulesOf = ({ rules }: Explanation): { held: RuleView[]; other: RuleView[] } => ({
  held: rules.filter(({ applied }) => applied),
  other: rules.filter(({ applied }) => !applied),
});

export interface MineOfWorkspace {
  key: string;
  profile: string;
  username: string;
  workspace: string;
  bundles: Mine[];
}

/** A table for each workspace of each profile, in the order they come. */
export function byWorkspace(mine: readonly Mine[]): MineOfWorkspace[] {
  const tables = new Map<string, MineOfWorkspace>();
  for (const one of mine) {
    const { profile, username, workspace } = one;
    const key = `${profile} ${workspace}`;
    const table = tables.get(key) ?? { key, profile, username, workspace, bundles: [] };
    table.bundles.push(one);
    tables.set(key, table);
  }
  return [...tables.values()];
}

export interface LimitRow {
  name: string;
  value: string;
}

export function limitRows({ awayGraceSeconds, idleSeconds, dailyCapSeconds, lockOnSuspend }: PolicyPage['limits']): LimitRow[] {
  const time = (seconds: number | null): string => (seconds === null ? words.noLimit : secondsInWords(seconds));
  return [
    { name: words.limit.away, value: time(awayGraceSeconds) },
    { name: words.limit.idle, value: time(idleSeconds) },
    { name: words.limit.daily, value: time(dailyCapSeconds) },
    { name: words.limit.suspend, value: lockOnSuspend ? words.suspendLocks : words.suspendStays },
  ];
}
