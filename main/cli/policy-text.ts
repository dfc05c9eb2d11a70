/** A decision of policy as people read it on a terminal. */
import type { Decision, Question } from '../policy/question.ts';

const verdictWords: Readonly<Record<Decision['verdict'], string>> = {
  allow: 'ALLOWED',
  deny: 'DENIED',
  'step-up': 'ALLOWED AFTER A STEP-UP',
};

/** The decision first, then every rule that took part, then what would change it. */
export function decisionText(decision: Decision, question: Question): string {
  const { verdict, because, obligations, rules, wouldChange } = decision;
  const [apply, rest] = [rules.filter(({ applied }) => applied), rules.filter(({ applied }) => !applied)];
  const sections: [string, string[]][] = [
    ['With it go:', verdict === 'deny' ? [] : obligationLines(obligations)],
    ['Rules that apply:', apply.map(ruleText)],
    ['Rules that do not:', rest.map(ruleText)],
    ['What would change it:', wouldChange.map((line) => `  - ${line}`)],
  ];
  const head = [verdictLine(decision), `  ${whoAsks(question)}`, `  ${question.workspace} · ${question.scopes.join(' ')}`, `  ${because}`];
  const told = sections.filter(([, lines]) => lines.length > 0).map(([title, lines]) => [title, ...lines].join('\n'));
  return [head.join('\n'), ...told].join('\n\n');
}

const verdictLine = ({ verdict, code, observed }: Decision): string =>
  `${verdictWords[verdict]}${observed ? ' (the policy only observes)' : ''}${code === null ? '' : `  [${code}]`}`;

const whoAsks = ({ person, caller }: Question): string => `${person.username} · ${caller.executable ?? `a program of kind ${caller.kind}`}`;

const ruleText = ({ id, effect, because }: Decision['rules'][number]): string =>
  [`  ${effect === 'deny' ? 'denial' : 'grant'} ${id}`, ...because.map((line) => `    ${line}`)].join('\n');

function obligationLines({ approval, lease, life, maxTokenLife, failClosed }: Decision['obligations']): string[] {
  const approvals = { none: 'nobody is asked', click: 'a click by the person', tap: 'a touch of a tap key' };
  return [
    `  approval      ${approvals[approval]}`,
    `  grant's life  ${inMinutes(life)} at most`,
    `  lease         ${Math.round(lease / 1000)} s at most`,
    ...(maxTokenLife === null ? [] : [`  token's life  ${inMinutes(maxTokenLife)} at most`]),
    ...(failClosed ? ['  record        on the disk before the token leaves'] : []),
  ];
}

const inMinutes = (length: number): string => (length % 3_600_000 === 0 ? `${length / 3_600_000} h` : `${Math.round(length / 60_000)} min`);
