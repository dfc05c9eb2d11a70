/** A policy from a few lines, and a question that differs from an ordinary one only in what a test is about. */
import { AppError } from '../../../main/app-error.ts';
import { type LoadedPolicy, loadPolicy } from '../../../main/policy/load-policy.ts';
import type { Question } from '../../../main/policy/question.ts';
import type { EpochMs } from '../../../main/units.ts';

/** A Wednesday. */
export const NOW = Date.parse('2026-09-16T09:00:00Z') as EpochMs;

export interface Told extends Partial<Omit<Question, 'person' | 'session' | 'caller'>> {
  person?: Partial<Question['person']> | undefined;
  session?: Partial<Question['session']> | undefined;
  caller?: Partial<Question['caller']> | undefined;
}

export const question = ({ person, session, caller, ...rest }: Told = {}): Question => ({
  action: 'create',
  at: NOW,
  profile: 'acme',
  identity: 'person',
  person: { issuer: 'https://issuer.example', subject: 'alice-1', username: 'alice@acme.example', groups: ['ds'], claims: {}, ...person },
  session: { assurance: 'phr', authTime: (NOW - 60_000) as EpochMs, acr: 'phr', ...session },
  tapKeys: [],
  caller: { kind: 'program', executable: '/usr/bin/python3', parents: ['/usr/bin/bash'], aiAgent: null, interpreter: 'python', ...caller },
  addresses: ['10.0.0.7'],
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['sql'],
  life: null,
  ...rest,
});

export const policyOf = (text: string): LoadedPolicy => loadPolicy(Buffer.from(text), 'policy.yaml');

/** One role for everybody, with one grant whose lines are `grant`; `more` stands at the top level. */
export const withGrant = (grant = '', more = ''): LoadedPolicy => policyOf(grantText(grant, more));

export const grantText = (grant = '', more = ''): string => `version: 1
id: acme
revision: 1
identities:
  - match: { anyone: true }
    roles: [person]
roles:
  person:
    grants:
      - id: the-grant
        workspaces: ["*"]
        scopes: [sql, jobs]
${indent(grant, 8)}
${more}
`;

const indent = (text: string, by: number): string =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ' '.repeat(by) + line)
    .join('\n');

export function refusal(text: string | Buffer): AppError {
  try {
    loadPolicy(Buffer.from(text), 'policy.yaml');
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('expected the policy to be refused');
}
