/**
 * What a person types at the terminal itself, whatever standard input is: a passphrase without echo, or a word to confirm with. A
 * passphrase is never taken from an argument or the environment, where every program of the user can read it.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { AppError } from '../app-error.ts';

/** More than any passphrase that the agent takes. */
const longestBytes = 4096;
const key = { interrupt: 0x03, end: 0x04, backspace: 0x08, newline: 0x0a, enter: 0x0d, clear: 0x15, rubout: 0x7f } as const;

/**
 * The first line of an open file descriptor, read a byte at a time: what follows it is for somebody else, and whoever holds the other
 * end of a pipe need not close it.
 *
 * @param text the number as it was given to `--passphrase-fd`
 * @throws AppError INPUT_INVALID (reason `passphrase-fd`): no number, nothing to read, no text, or too much of it
 */
export function passphraseFromFd(text: string): string {
  const bad = (detail: string, cause?: unknown): AppError => new AppError('INPUT_INVALID', { reason: 'passphrase-fd', detail, cause });
  if (!/^\d{1,4}$/.test(text)) throw bad('Name an open file descriptor, such as 0 or 3.');
  const line = Buffer.alloc(longestBytes);
  let size = 0;
  try {
    while (size < longestBytes && readSync(Number(text), line, size, 1, null) === 1 && line[size] !== key.newline) size += 1;
  } catch (cause) {
    throw bad(`File descriptor ${text} cannot be read.`, cause);
  }
  const passphrase = line.toString('utf8', 0, size).replace(/\r$/, '');
  line.fill(0);
  if (passphrase === '' || size === longestBytes)
    throw bad(passphrase === '' ? 'The passphrase is empty.' : 'That is too long for a passphrase.');
  return passphrase;
}

/** Asks at the terminal without showing what is typed. @throws AppError PASSPHRASE_NEEDED: there is no terminal */
export const askPassphrase = (prompt: string): Promise<string> =>
  typed(prompt, { echo: false }).catch((cause: unknown) => {
    throw cause instanceof AppError ? cause : new AppError('PASSPHRASE_NEEDED', { reason: 'terminal', cause });
  });

/** Asks for a word at the terminal. Undefined where there is none. */
export const askWord = (prompt: string): Promise<string | undefined> =>
  typed(prompt, { echo: true }).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    return undefined;
  });

/** @throws AppError INPUT_INVALID (reason `yes`): another word, or there is no terminal to ask at */
export async function askYes(question: string): Promise<void> {
  const word = await askWord(`${question} Type "yes" to go on: `);
  if (word === 'yes') return;
  const detail = word === undefined ? 'There is no terminal to ask at; say --yes.' : 'Nothing was written.';
  throw new AppError('INPUT_INVALID', { reason: 'yes', detail });
}

/** One line from /dev/tty, in raw mode: the terminal itself would show each letter. */
function typed(prompt: string, { echo }: { echo: boolean }): Promise<string> {
  return new Promise((resolve, reject) => {
    const terminal = new ReadStream(openSync('/dev/tty', 'r'));
    const screen = openSync('/dev/tty', 'w');
    const show = (text: string): void => void writeSync(screen, text);
    let line = '';
    const finish = (settle: () => void): void => {
      terminal.setRawMode(false);
      terminal.destroy();
      show('\n');
      closeSync(screen);
      settle();
    };
    const press = (letter: string): boolean => {
      const code = letter.codePointAt(0);
      if (code === key.enter || code === key.newline || (code === key.end && line !== '')) finish(() => resolve(line));
      else if (code === key.interrupt || code === key.end) finish(() => process.kill(process.pid, 'SIGINT'));
      else {
        if (code === key.backspace || code === key.rubout) line = Array.from(line).slice(0, -1).join('');
        else if (code === key.clear) line = '';
        else if (code !== undefined && code >= 0x20 && Buffer.byteLength(line) < longestBytes) line += letter;
        if (echo) show(`\r\u001b[K${prompt}${line}`);
        return true;
      }
      return false;
    };
    terminal.once('error', reject);
    terminal.setEncoding('utf8').on('data', (text: string) => Array.from(text).every(press));
    terminal.setRawMode(true);
    show(prompt);
  });
}
