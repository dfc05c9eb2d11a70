/** An expected failure on its way to a person. Bugs are not AppErrors and reach the crash path. */
import { type Failure, type FailureCode, failureTexts } from '../preload/contract/failure.ts';

export interface AppErrorOptions {
  /** Which rule of the code was broken, from a fixed vocabulary of that code (`nonce`, `aud`, `host` …). */
  reason?: string;
  /** One more sentence with facts that help: a host, a file and line, a time. Never a secret, never attacker-chosen text. */
  detail?: string;
  /** The library's own error, for the log of a developer; never shown. */
  cause?: unknown;
}

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: FailureCode;
  readonly reason: string | undefined;
  readonly detail: string | undefined;

  constructor(code: FailureCode, options: AppErrorOptions = {}) {
    const text = [failureTexts[code].cause, options.detail].filter(Boolean).join(' ');
    super(`${code}: ${text}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.detail = options.detail;
  }

  /** What a person or a program is shown: the code, the cause, the next step. */
  toFailure(): Failure {
    const { cause, next, nextStep } = failureTexts[this.code];
    return {
      code: this.code,
      cause,
      next,
      nextStep,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }
}

/** The failure inside any thrown value; a bug becomes INTERNAL and keeps its own text to itself. */
export const asAppError = (error: unknown): AppError => (error instanceof AppError ? error : new AppError('INTERNAL', { cause: error }));

/** What the fetch port refuses with: nothing of the request has left. */
export const beforeSending: ReadonlySet<FailureCode> = new Set([
  'PROXY_INVALID',
  'PROXY_UNREACHABLE',
  'PROXY_REFUSED',
  'SERVER_UNTRUSTED',
  'CLIENT_CERTIFICATE_DEMANDED',
  'CA_FILE_UNUSABLE',
]);

export const hasCode = (error: unknown, ...codes: FailureCode[]): error is AppError =>
  error instanceof AppError && codes.includes(error.code);
