/**
 * Variables in the words of each shell. A value ends where we say it ends, whatever is in it; what a shell could not take literally, a
 * line end above all, is refused rather than bent.
 */
import { AppError } from '../app-error.ts';
import type { ProgramEnvironment } from './environment.ts';

export const shells = ['sh', 'fish', 'powershell', 'dotenv'] as const;
export type Shell = (typeof shells)[number];

/** @throws AppError INPUT_INVALID: there is no such shell */
export function shellNamed(name: string): Shell {
  const found = shells.find((each) => each === name);
  if (found === undefined) throw new AppError('INPUT_INVALID', { reason: 'shell', detail: `Choose ${shells.join(', ')}.` });
  return found;
}

interface Words {
  set: (name: string, value: string) => string;
  /** Undefined: this kind of file can only set. */
  clear?: (names: readonly string[]) => string[];
}

const words: Record<Shell, Words> = {
  sh: {
    set: (name, value) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
    clear: (names) => [`unset ${names.join(' ')}`],
  },
  fish: {
    // Between single quotes fish knows two escapes and no more.
    set: (name, value) => `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
    clear: (names) => names.map((name) => `set -e ${name}`),
  },
  powershell: {
    // PowerShell takes typographic quotes for plain ones.
    set: (name, value) => `$env:${name} = '${value.replace(/['\u2018-\u201b]/g, '$&$&')}'`,
    clear: (names) => names.map((name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`),
  },
  dotenv: { set: (name, value) => `${name}=${dotenvValue(value)}` },
};

/** Readers of such files agree on words without quotes, and on single quotes around what holds neither a quote nor a backslash. */
function dotenvValue(value: string): string {
  if (/^[A-Za-z0-9_./:@%+,-]+$/.test(value)) return value;
  if (/['\\]/.test(value)) throw refused('A value holds a quote or a backslash, which no two readers of such files read alike.');
  return `'${value}'`;
}

/** Lines to be evaluated, or read, by the shell. @throws AppError INPUT_INVALID (`value`): a value that it could not take as it is */
export function linesFor(shell: Shell, { set, clear }: ProgramEnvironment): string {
  const { set: setter, clear: clearer } = words[shell];
  const lines = Object.entries(set).map(([name, value]) => {
    // check: shell-value-plain
    if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(value)) throw refused('A value holds a control character.');
    // end check
    return setter(name, value);
  });
  return [...(clearer?.(clear) ?? []), ...lines].join('\n');
}

const refused = (detail: string): AppError => new AppError('INPUT_INVALID', { reason: 'value', detail });
