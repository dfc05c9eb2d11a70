/** How the command line speaks: failures on standard error, results on standard output, exit codes that scripts can rely on. */
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { asAppError } from '../app-error.ts';
import { ReportedFailure } from './agent-client.ts';
import { painted, wantsColour } from './colour.ts';

/** 0 done · 1 failed · 2 wrong usage · 3 sign in first · 4 no agent · 5 refused · 6 locked · 125 `run` failed before its program started. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  signIn: 3,
  noAgent: 4,
  refused: 5,
  locked: 6,
  runFailed: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

const codesByExit: readonly [number, readonly FailureCode[]][] = [
  [exitCodes.usage, ['INPUT_INVALID', 'PROFILE_NEEDED', 'PROFILE_UNKNOWN', 'PRINCIPAL_NO_SIGN_IN', 'SCOPE_UNKNOWN', 'WORKSPACE_UNKNOWN']],
  [exitCodes.usage, ['DATABRICKSCFG_INVALID', 'DATABRICKSCFG_UNSAFE']],
  [
    exitCodes.signIn,
    ['SIGNED_OUT', 'SESSION_EXPIRED', 'SESSION_REFUSED', 'SESSION_LOST', 'SIGN_IN_STALE', 'STEP_UP_NEEDED', 'TAP_KEY_NEEDED'],
  ],
  [exitCodes.noAgent, ['AGENT_NOT_RUNNING', 'AGENT_START_FAILED', 'AGENT_IS_DESKTOP']],
  [
    exitCodes.refused,
    ['LOGIN_REFUSED', 'ASSURANCE_TOO_LOW', 'EXCHANGE_SCOPE_REFUSED', 'EXCHANGE_REFUSED', 'EXCHANGE_NO_PRINCIPAL', 'PRINCIPAL_REFUSED'],
  ],
  [exitCodes.refused, ['GRANT_LIMIT', 'GRANT_REVOKED', 'GRANT_EXPIRED', 'GRANT_PAUSED', 'GRANT_OTHER_PERSON']],
  [exitCodes.refused, ['CALLER_UNPROVEN', 'CALLER_REFUSED']],
  [exitCodes.refused, ['CONSENT_PENDING', 'CONSENT_UNANSWERED', 'CONSENT_DENIED', 'CONSENT_QUEUE_FULL', 'CONSENT_QUIET']],
  [exitCodes.refused, ['TAP_NEEDED', 'TAP_REFUSED', 'TAP_KEYS_WANTED', 'TAP_KEY_NOT_ALLOWED', 'APPROVER_REFUSED', 'SPAN_REFUSED']],
  [exitCodes.refused, ['POLICY_DENIED', 'POLICY_EXPIRED', 'TOKEN_LIVES_TOO_LONG']],
  [exitCodes.locked, ['AWAY', 'LOCKED', 'VAULT_SEALED', 'PASSPHRASE_NEEDED', 'PASSPHRASE_WRONG', 'KEYCHAIN_LOCKED']],
];

export const exitCodeOf = (failure: Failure): number =>
  codesByExit.find(([, codes]) => codes.includes(failure.code))?.[0] ?? exitCodes.failed;

export const failureOf = (error: unknown): Failure => (error instanceof ReportedFailure ? error.failure : asAppError(error).toFailure());

/** One line a person can act on: cause, details, next step, code. */
export const failureLine = ({ code, cause, detail, next, reason }: Failure): string =>
  [cause, detail, next, `[${code}${reason === undefined ? '' : `: ${reason}`}]`].filter(Boolean).join(' ');

/** Prints a failure where it belongs and sets the exit code. Scripts that asked for JSON get it on standard output. */
export function reportFailure(error: unknown, json: boolean, exitCode?: number): void {
  const failure = failureOf(error);
  if (json) process.stdout.write(`${JSON.stringify({ failure }, null, 2)}\n`);
  else tell(failureLine(failure));
  if (failure.code === 'INTERNAL' && error instanceof Error && process.env['LAKEPASS_DEBUG'] === '1')
    process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = exitCode ?? exitCodeOf(failure);
}

export const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
export const printLine = (line = ''): void => void process.stdout.write(`${harmless(line)}\n`);
/** A table, a status, a difference: in a little colour where a person looks at a terminal. */
export function printReport(text: string): void {
  const shown = harmless(text);
  process.stdout.write(`${wantsColour(process.stdout, process.env) ? painted(shown) : shown}\n`);
}
/** For the person at the terminal, beside whatever standard output is for. */
export const tell = (line: string): void => void process.stderr.write(`lakepass: ${harmless(line)}\n`);

/** Names and labels come from others: on a terminal a control character could move the cursor, and a bidi mark turn words around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const moving = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The text as a terminal may show it: what would move something is shown as `\ufffd`. */
export const harmless = (text: string): string => text.replace(moving, '\ufffd');

/** Columns as wide as their widest cell, two spaces between. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((known, row) => row.map((cell, column) => Math.max(cell.length, known[column] ?? 0)), []);
  return rows
    .map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '))
    .join('\n');
}

/** `in 7 h 59 min`, `in 42 s`, `ended`. */
export function timeLeft(until: string, now = Date.now()): string {
  const left = Math.floor((Date.parse(until) - now) / 1000);
  if (left <= 0) return 'ended';
  if (left < 60) return `in ${left} s`;
  if (left < 3600) return `in ${Math.floor(left / 60)} min`;
  return `in ${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
}
