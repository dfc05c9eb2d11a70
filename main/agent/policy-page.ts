/**
 * What policy says to whoever is signed in: the policy that holds, what it would tell their programs now, and the answer to "what if".
 * It reads and evaluates; nothing is asked, granted or recorded.
 */
import { setImmediate as otherWork } from 'node:timers/promises';
import type { PolicyView } from '../../preload/contract/control.ts';
import type { Explanation, PolicyPage } from '../../preload/contract/policy.ts';
import { AppError } from '../app-error.ts';
import { type Caller, type ProcessFacts, unknownCaller } from '../caller/caller.ts';
import { aiAgentNamed } from '../caller/known-programs.ts';
import { bundleNames, cloudOf, resolveScopes } from '../databricks/scopes.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { LoadedPolicy } from '../policy/load-policy.ts';
import type { Decision } from '../policy/question.ts';
import { workspaceOf } from '../profile/load-config.ts';
import type { Principal } from './agent.ts';
import { requirePerson, scopesFor } from './grant-making.ts';
import type { Questions } from './questions.ts';

type Firm = Pick<Principal, 'profile' | 'session'>;
type ExplainRequest = Parameters<UiAgent['policy/explain']>[0];

export interface PolicyPageParts {
  companies: ReadonlyMap<string, Firm>;
  /** @throws AppError CONFIG_MISSING | PROFILE_NEEDED | PROFILE_UNKNOWN */
  principal: (name: string | undefined) => Firm;
  questions: Questions;
  policy: () => Pick<LoadedPolicy, 'evaluate' | 'limits' | 'warnings' | 'aiAgents'>;
  policyView: () => PolicyView;
}

export function createPolicyPage(parts: PolicyPageParts): Pick<UiAgent, 'policy' | 'policy/explain'> {
  /** @returns null where nobody is signed in to the profile */
  function explain(asked: Omit<Parameters<Questions>[0], 'life'>): Explanation | null {
    const question = parts.questions({ ...asked, life: null });
    return question === null ? null : explanationOf(parts.policy().evaluate(question));
  }

  function mineOn({ profile, session }: Firm, workspace: string): PolicyPage['mine'] {
    const { phase, identity } = session.view();
    if (phase !== 'signed-in' || identity === null) return [];
    return bundleNames.flatMap((bundle) => {
      const scopes = resolveScopes([bundle], cloudOf(workspace));
      const asked = { action: 'create', profile: profile.name, workspace, scopes } as const;
      const [program, aiAgent] = [explain({ ...asked, caller: anyProgram }), explain({ ...asked, caller: anyAiAgent })];
      if (program === null || aiAgent === null) return [];
      const { name } = profile;
      const { username } = identity;
      return [{ profile: name, username, workspace, bundle, scopes, program: applied(program), aiAgent: applied(aiAgent) }];
    });
  }

  return {
    async policy() {
      const mine: PolicyPage['mine'] = [];
      for (const firm of parts.companies.values())
        for (const { host, accountId } of firm.profile.workspaces) {
          // Bundles are for workspaces.
          if (accountId === undefined) mine.push(...mineOn(firm, host));
          await otherWork();
        }
      const { limits, warnings } = parts.policy();
      return {
        policy: parts.policyView(),
        warnings: [...warnings],
        limits: {
          awayGraceSeconds: inSeconds(limits.awayGrace),
          idleSeconds: limits.idle === null ? null : inSeconds(limits.idle),
          dailyCapSeconds: limits.dailyCap === null ? null : inSeconds(limits.dailyCap),
          lockOnSuspend: limits.lockOnSuspend,
        },
        mine,
      };
    },

    'policy/explain'(request) {
      const { profile, session } = parts.principal(request.profile);
      // check: explain-needs-session
      requirePerson(session);
      // end check
      const target = workspaceOf(profile, withScheme(request.workspace));
      const workspace = target.host;
      const scopes = scopesFor(target, request.scopes);
      const explanation = explain({
        action: request.action,
        profile: profile.name,
        caller: callerFrom(request, parts.policy().aiAgents),
        workspace,
        scopes,
      });
      if (explanation === null) throw new AppError('SIGNED_OUT');
      return explanation;
    },
  };
}

/** A bare host is one with a dot in it; short names have none. */
const withScheme = (workspace: string): string =>
  workspace.includes('.') && !workspace.includes('://') ? `https://${workspace}` : workspace;

/** The program that stands for all that no rule names by its path: what a notebook runs in. No process of this machine is meant. */
const anyProgram: Caller = {
  ...unknownCaller,
  kind: 'program',
  process: supposed('/usr/bin/python3'),
  interpreter: { name: 'python', script: null },
};
/** The same under an AI agent that no rule names. */
const anyAiAgent: Caller = { ...anyProgram, kind: 'ai-agent', aiAgent: 'an AI agent' };

function supposed(executable: string): ProcessFacts {
  return { pid: 0, startTicks: 0, uid: -1, executable, commandLine: null, folder: null, cgroup: null };
}

/**
 * The caller of a "what if". An AI agent makes an ordinary program one, whether it is named or known by the program's path, as it does
 * when a request comes.
 *
 * @param extraAiAgents programs that the policy takes for AI agents beside the known ones
 * @throws AppError INPUT_INVALID (program, ai-agent)
 */
function callerFrom({ program, kind, aiAgent }: ExplainRequest, extraAiAgents: readonly string[]): Caller {
  if (/\p{Cc}/u.test(program) || (program.includes('/') && !program.startsWith('/')))
    throw new AppError('INPUT_INVALID', { reason: 'program', detail: 'Write the whole path of the program.' });
  if (/\p{Cc}/u.test(aiAgent)) throw new AppError('INPUT_INVALID', { reason: 'ai-agent' });
  const under = aiAgent || (program === '' ? null : aiAgentNamed(program, extraAiAgents));
  return {
    ...unknownCaller,
    kind: kind === 'program' && under !== null ? 'ai-agent' : kind,
    // What the system cannot name has no path either.
    process: kind === 'unknown' || program === '' ? null : supposed(program),
    aiAgent: under,
  };
}

function explanationOf({ verdict, code, because, obligations, rules, wouldChange, observed }: Decision): Explanation {
  return {
    ...{ verdict, code, because, observed, wouldChange: [...wouldChange] },
    obligations: verdict === 'deny' ? null : obligationsOf(obligations),
    rules: rules.map(({ id, effect, applied, because: why }) => ({ id, effect, applied, because: [...why] })),
  };
}

const obligationsOf = ({ approval, lease, life, maxTokenLife, failClosed }: Decision['obligations']): Explanation['obligations'] => ({
  approval,
  leaseSeconds: inSeconds(lease),
  lifeSeconds: inSeconds(life),
  maxTokenLifeSeconds: maxTokenLife === null ? null : inSeconds(maxTokenLife),
  failClosed,
});

/** Rounded down, so that nothing is promised for longer than it lasts. */
const inSeconds = (length: number): number => Math.floor(length / 1000);

/** A page of many workspaces has only the rules that took part; all of them are for who asks about one. */
const applied = (explanation: Explanation): Explanation => ({ ...explanation, rules: explanation.rules.filter((rule) => rule.applied) });
