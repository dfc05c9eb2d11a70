/** Whether the app starts with the person's session: the system's own list on macOS and Windows, an autostart file on Linux (XDG). */
import { mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { App } from 'electron';
import { AppError } from '../app-error.ts';
import { readFileWhole, replaceFile } from '../durable-file.ts';
import type { LoginItem } from '../ports.ts';

interface Parts {
  app: Pick<App, 'getLoginItemSettings' | 'setLoginItemSettings'>;
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  /** The program and its words, without `--hidden`. */
  command: readonly string[];
  random: (bytes: number) => Buffer;
}

export function createLoginItem({ app, platform, env, command, random }: Parts): LoginItem {
  if (platform !== 'linux') return systemItem(app);
  const file = autostartFile(env);
  const content = autostartEntry([...command, '--hidden']);
  return {
    /** True for what we would write and nothing else: a file for a program that has moved starts nothing. */
    read: async () => (await readFileWhole(file)) === content,
    async write(startAtLogin) {
      if (!startAtLogin) return rm(file, { force: true });
      // check: autostart-plain-line
      // A line end in a folder's name would begin a line of its own there.
      if (/\p{Cc}/u.test(command.join(''))) throw new AppError('INPUT_INVALID', { reason: 'login-item' });
      // end check
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await replaceFile(file, content, random(8).toString('hex'));
    },
  };
}

const hidden = ['--hidden'];

const systemItem = (app: Parts['app']): LoginItem => ({
  // Windows compares the words as well.
  read: async () => app.getLoginItemSettings({ args: hidden }).openAtLogin,
  async write(startAtLogin) {
    app.setLoginItemSettings({ openAtLogin: startAtLogin, args: hidden });
  },
});

function autostartFile(env: NodeJS.ProcessEnv): string {
  const config = env['XDG_CONFIG_HOME'];
  return join(config && isAbsolute(config) ? config : join(env['HOME'] || homedir(), '.config'), 'autostart', 'lakepass.desktop');
}

/** By the Desktop Entry specification, in the order in which it is read best. */
export const autostartEntry = (command: readonly string[]): string =>
  [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Lakepass',
    'Comment=Answers programs that ask for access to Databricks',
    `Exec=${command.map(quoted).join(' ')}`,
    'Terminal=false',
    'StartupNotify=false',
    '',
  ].join('\n');

/** A word of `Exec`: quoted for its own rules, escaped for those of every string of the file, and without a field code of its own. */
function quoted(word: string): string {
  const inQuotes = word.replace(/["`$\\]/g, '\\$&');
  return `"${inQuotes.replaceAll('\\', '\\\\').replaceAll('%', '%%')}"`;
}
