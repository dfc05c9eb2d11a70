/** What reaches a terminal. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { exitCodeOf, exitCodes, printLine, tell } from '../../../main/cli/report.ts';
import type { FailureCode } from '../../../preload/contract/failure.ts';

function printed(text: string): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  printLine(text);
  return write.mock.calls.map(([chunk]) => String(chunk)).join('');
}

it.each([
  ['an escape sequence', 'gabc  \u001b[2Jall is well', 'gabc  \ufffd[2Jall is well\n'],
  ['an escape sequence of one character', 'a\u009b2Jb', 'a\ufffd2Jb\n'],
  ['a carriage return', 'revoked\rlive', 'revoked\ufffdlive\n'],
  ['words turned around', 'a\u202elive\u2066', 'a\ufffdlive\ufffd\n'],
  ['text nobody sees', 'a\u200bb\ufeff', 'a\ufffdb\ufffd\n'],
])('shows %s for what it is', (_, text, shown) => {
  expect(printed(text)).toBe(shown);
});

it('leaves lines and the letters of any language as they are', () => {
  expect(printed('Zoë 東京\n  café')).toBe('Zoë 東京\n  café\n');
});

it('shows a line for the person beside the output just as harmlessly', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  tell('asked by a\u001b[2Jb');
  expect(write.mock.calls).toEqual([['lakepass: asked by a\ufffd[2Jb\n']]);
});

it.each<[FailureCode, keyof typeof exitCodes]>([
  ['INPUT_INVALID', 'usage'],
  ['SIGNED_OUT', 'signIn'],
  ['STEP_UP_NEEDED', 'signIn'],
  ['SIGN_IN_STALE', 'signIn'],
  ['TAP_KEY_NEEDED', 'signIn'],
  ['AGENT_NOT_RUNNING', 'noAgent'],
  ['GRANT_REVOKED', 'refused'],
  ['CALLER_UNPROVEN', 'refused'],
  ['CALLER_REFUSED', 'refused'],
  ['CONSENT_DENIED', 'refused'],
  ['CONSENT_UNANSWERED', 'refused'],
  ['CONSENT_QUEUE_FULL', 'refused'],
  ['CONSENT_QUIET', 'refused'],
  ['TAP_NEEDED', 'refused'],
  ['TAP_REFUSED', 'refused'],
  ['POLICY_DENIED', 'refused'],
  ['POLICY_EXPIRED', 'refused'],
  ['AWAY', 'locked'],
  ['LOCKED', 'locked'],
  ['VAULT_SEALED', 'locked'],
  ['PASSPHRASE_NEEDED', 'locked'],
  ['PASSPHRASE_WRONG', 'locked'],
  ['INTERNAL', 'failed'],
])('ends after %s as %s', (code, name) => {
  expect(exitCodeOf(new AppError(code).toFailure())).toBe(exitCodes[name]);
});
