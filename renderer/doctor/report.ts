/** The checks of the doctor, sorted for a person, and as plain text to send to somebody. */
import type { DoctorView } from '../../preload/contract/doctor.ts';
import { texts } from '../texts.ts';

const words = texts.doctor;
export type Check = DoctorView['checks'][number];
export const worstFirst = ['bad', 'weak', 'unknown', 'good'] as const satisfies readonly Check['state'][];

/** Groups that have checks in them, worst first; within a group in the order they came. */
export const groupsOf = (checks: readonly Check[]): { state: Check['state']; checks: Check[] }[] =>
  worstFirst
    .map((state) => ({ state, checks: checks.filter((check) => check.state === state) }))
    .filter((group) => group.checks.length > 0);

export function summaryOf(checks: readonly Check[]): string {
  const count = (state: Check['state']): number => checks.filter((check) => check.state === state).length;
  const [bad, weak, unknown] = [count('bad'), count('weak'), count('unknown')];
  return bad + weak + unknown === 0 ? words.allGood : words.summary(bad, weak, unknown);
}

/** JWTs, tokens of Databricks, and what unlocks a grant in its URL. A check should never name one; this report leaves the machine. */
const secretShapes = /\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?|\b(?:dapi|dose|doss|dkea)[0-9a-f]{16,}|(?<=\/v1\/metadata\/)[\w-]{16,}/gi;

export function withoutSecrets(text: string): string {
  let safe = text;
  // check: report-secret-shape
  safe = safe.replace(secretShapes, words.report.removed);
  // end check
  return safe;
}

export interface ReportOf {
  checks: readonly Check[];
  version: string;
  host: string;
}

export function reportOf({ checks, version, host }: ReportOf): string {
  const { title, version: versionWord, host: hostWord, next } = words.report;
  const lines = groupsOf(checks).flatMap(({ state, checks: inGroup }) => [
    '',
    words.states[state],
    ...inGroup.flatMap((check) => [
      `- ${check.title}: ${check.finding}${check.code === null ? '' : ` (${check.code})`}`,
      ...(check.next === null ? [] : [`  ${next} ${check.next}`]),
    ]),
  ]);
  return withoutSecrets([title, `${versionWord}: ${version}`, `${hostWord}: ${host}`, ...lines].join('\n'));
}
