/** What the system says when a log cannot be written, turned into one typed failure. */
import { AppError } from '../app-error.ts';

/** The system's error code (`ENOSPC`, `EIO`, …), or undefined when the error is not the system's. */
export function systemErrorOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const reasons: Record<string, string> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'permission',
};

/** AUDIT_UNWRITABLE with reason `disk-full`, `permission` or `io`. */
export function unwritable(error: unknown): AppError {
  const code = systemErrorOf(error) ?? '';
  return new AppError('AUDIT_UNWRITABLE', {
    reason: reasons[code] ?? 'io',
    ...(code === '' ? {} : { detail: `The system says ${code}.` }),
    cause: error,
  });
}
