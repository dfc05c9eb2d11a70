/**
 * Whatever happens in whatever order: access says yes only to members, to whom a person has approved, or under a policy that asks
 * nobody; never while locked, never after a no. The model knows process trees and answers, and nothing of how access keeps them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../main/caller/caller.ts';
import type { Grant } from '../../../main/grant/grants.ts';
import { minutes } from '../../../main/units.ts';
import { policyFrom, policyText, type Setting, setting, wordOf } from './setting.ts';

const who = ['root', 'child', 'agent-child', 'curl', 'wget', 'agent-curl', 'container', 'nobody'] as const;
type Who = (typeof who)[number];
const approvals = ['none', 'click', 'tap'] as const;

const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('grant' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('ask' as const), grant: fc.nat(2), who: fc.constantFrom(...who) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('approve' as const), span: fc.constantFrom('once', 'program', 'hours') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deny' as const), reach: fc.constantFrom('once', 'run', 'always') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lock' as const, 'unlock' as const, 'away' as const, 'back' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), grant: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('policy' as const),
      program: fc.constantFrom(...approvals),
      agent: fc.constantFrom(...approvals),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('holder' as const), grant: fc.nat(2), who: fc.constantFrom(...who) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.constantFrom(0, 1, 15) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Run {
  grant: Grant;
  callers: Record<Who, Caller>;
}

async function begin(all: Setting): Promise<Run> {
  const { grant, caller } = await all.run();
  const parent = caller.process === null ? {} : { parent: caller.process };
  const claude = { kind: 'ai-agent', aiAgent: 'claude' } as const;
  const callers = {
    root: caller,
    child: all.processes.callerOf(all.processes.start({ executable: '/usr/bin/python3', ...parent })),
    'agent-child': all.processes.callerOf(all.processes.start({ executable: '/usr/bin/claude', ...parent }), claude),
    curl: all.stranger(),
    wget: all.stranger('/usr/bin/wget'),
    'agent-curl': all.stranger('/usr/bin/curl', claude),
    container: all.stranger('/usr/bin/curl', { kind: 'container' }),
    nobody: { ...all.stranger(), kind: 'unknown', process: null, ancestors: [] } as Caller,
  };
  return { grant, callers };
}

const isMember = (name: Who): boolean => name === 'root' || name === 'child';
const isAgent = (name: Who): boolean => name === 'agent-child' || name === 'agent-curl';
/** What nobody can recognise in another process (a path in a container is a path of its own) is denied for good as a process alone. */
const forGood = (caller: Caller): string => JSON.stringify([about('', caller), caller.kind === 'container' ? caller.process?.pid : null]);
/** A person answers about a program in its capacity, for a grant. */
const about = (grant: string, { kind, aiAgent, process }: Caller): string =>
  JSON.stringify([grant, kind === 'container' || kind === 'unknown' ? kind : '', aiAgent, process?.executable ?? null]);

/** Plays the steps; returns how often each answer was given, so that a play in which nothing happens is noticed. */
async function play(steps: readonly Step[]): Promise<Record<string, number>> {
  const all = await setting(policyFrom(policyText('tap')));
  const runs = [await begin(all)];
  const runOf = (index: number): Run => runs[index % runs.length] ?? (runs[0] as Run);
  const approved = new Set<string>();
  const deniedForRun = new Set<string>();
  const deniedForGood = new Set<string>();
  const doubted = new Set<string>();
  const counts: Record<string, number> = {};
  let asks = { program: 'tap', agent: 'tap' };

  for (const each of steps) {
    if (each.do === 'grant') runs.push(await begin(all));
    if (each.do === 'lock') await all.lock.lock('command');
    if (each.do === 'unlock') all.lock.unlocked();
    if (each.do === 'away') all.lock.away('screen-lock');
    if (each.do === 'back') all.lock.back();
    if (each.do === 'end') await all.grants.end(runOf(each.grant).grant.id, 'revoked');
    if (each.do === 'wait') await all.clock.advance(minutes(each.minutes));
    if (each.do === 'policy') {
      asks = { program: each.program, agent: each.agent };
      all.state.policy = policyFrom(policyText(each.program, { aiAgent: each.agent }));
      all.access.changed();
    }
    if (each.do === 'holder') {
      const { grant, callers } = runOf(each.grant);
      all.state.holders = [callers[each.who]];
      if (!(await all.access.soleHolder(grant, callers.root, { localPort: 1, remotePort: 2 }))) doubted.add(grant.id);
    }
    if (each.do === 'approve' || each.do === 'deny') {
      const front = all.consents.front();
      if (front === undefined) continue;
      const key = about(front.ask.grant ?? '', front.ask.caller);
      if (each.do === 'approve') {
        all.consents.shown(front.id);
        await all.clock.advance(500);
        const span = front.ask.spans.find((offered) => offered === each.span) ?? 'once';
        all.consents.answer(front.id, { verdict: 'approved', how: 'tap', span, tapKey: 'key-1' });
        approved.add(key);
      } else {
        all.consents.answer(front.id, { verdict: 'denied', reach: each.reach as 'once' | 'run' | 'always' });
        if (each.reach === 'run') deniedForRun.add(key);
        if (each.reach === 'always') deniedForGood.add(forGood(front.ask.caller));
      }
      await all.clock.advance(0);
    }
    if (each.do === 'ask') {
      const { grant, callers } = runOf(each.grant);
      // The broker comes here only with a grant that lives.
      if (grant.state !== 'live') continue;
      const caller = callers[each.who];
      const leave = all.access.leave(grant, caller);
      counts[wordOf(leave)] = (counts[wordOf(leave)] ?? 0) + 1;
      if (leave.kind !== 'yes') continue;
      const byPerson = approved.has(about(grant.id, caller));
      const byPolicy = asks[isAgent(each.who) ? 'agent' : 'program'] === 'none';
      const story = `${each.who} while ${all.lock.state()}`;
      expect(all.lock.state(), story).not.toBe('locked');
      expect(isMember(each.who) || byPerson || byPolicy, story).toBe(true);
      if (all.lock.state() === 'away') expect(isMember(each.who) || byPerson, story).toBe(true);
      // A no to a program elsewhere is no no to a run that was made of it, as long as nobody shares the run's connections.
      const asMember = isMember(each.who) && !doubted.has(grant.id);
      const denied = deniedForRun.has(about(grant.id, caller)) || deniedForGood.has(forGood(caller));
      expect(denied && !asMember, story).toBe(false);
      all.access.used(grant, caller);
    }
  }
  return counts;
}

describe('access', () => {
  it('never says yes but to members, to whom a person approved, and where policy asks nobody; never while locked, never after a no', async () => {
    const seen: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        for (const [word, count] of Object.entries(await play(steps))) seen[word] = (seen[word] ?? 0) + count;
      }),
      { numRuns: 100 },
    );
    // Every answer was among those judged.
    for (const word of ['yes', 'ask', 'LOCKED', 'AWAY', 'CONSENT_DENIED']) expect(seen[word], word).toBeGreaterThan(0);
  }, 60_000);
});
