/** The `lakepass` command of an installed app, put where a terminal finds it: a link, and never over a file of somebody else. */
import { lstat, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { App, Dialog } from 'electron';
import { words } from './words.ts';

export type Installed = { outcome: 'done' | 'taken' | 'failed'; link: string };

/**
 * Makes `~/.local/bin/lakepass` a link to `target`. One that is ours already, also of an app that has moved, is renewed.
 *
 */
export async function installCommand(parts: { home: string; target: string; unique: string }): Promise<Installed> {
  const link = join(parts.home, '.local', 'bin', 'lakepass');
  try {
    // check: command-not-over-others
    if (!(await isFreeOrOurs(link))) return { outcome: 'taken', link };
    // end check
    await mkdir(dirname(link), { recursive: true });
    const made = `${link}.${parts.unique}`;
    await symlink(parts.target, made);
    await rename(made, link).catch(async (error: unknown) => {
      await rm(made, { force: true });
      throw error;
    });
    return { outcome: 'done', link };
  } catch {
    return { outcome: 'failed', link };
  }
}

/** Nothing, or a link into the resources of an installed Lakepass. */
async function isFreeOrOurs(link: string): Promise<boolean> {
  const found = await lstat(link).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? null : Promise.reject(error)));
  if (found === null) return true;
  return found.isSymbolicLink() && /[\\/]resources[\\/]bin[\\/]lakepass$/i.test(await readlink(link));
}

/**
 * The command of this very app; null where it cannot be linked to: in development there is none, an AppImage is gone with the mount it
 * runs from, and on Windows the installer sees to it.
 */
export function commandTarget(parts: {
  packaged: boolean;
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  /** Undefined outside Electron. */
  resources: string | undefined;
}): string | null {
  if (!parts.packaged || parts.platform === 'win32' || parts.env['APPIMAGE'] !== undefined || parts.resources === undefined) return null;
  return join(parts.resources, 'bin', 'lakepass');
}

/** The entry of the tray, and what it does; how it went is shown in a box. */
export function createInstall(parts: {
  app: Pick<App, 'isPackaged'>;
  dialog: Pick<Dialog, 'showMessageBox'>;
  env: NodeJS.ProcessEnv;
  random: (bytes: number) => Buffer;
}): { offered: boolean; run: () => Promise<void> } {
  const { env } = parts;
  const target = commandTarget({ packaged: parts.app.isPackaged, platform: process.platform, env, resources: process.resourcesPath });
  return {
    offered: target !== null,
    async run() {
      if (target === null) return;
      const { outcome, link } = await installCommand({ home: env['HOME'] || homedir(), target, unique: parts.random(6).toString('hex') });
      const onPath = (env['PATH'] ?? '').split(delimiter).includes(dirname(link));
      const [type, message, detail] = {
        done: ['info', words.command.done, words.command.doneText(link, onPath)],
        taken: ['warning', words.command.taken, words.command.takenText(link)],
        failed: ['error', words.command.failed, words.command.failedText(link)],
      }[outcome] as ['info' | 'warning' | 'error', string, string];
      await parts.dialog.showMessageBox({ type, title: words.product, message, detail, buttons: [words.command.close], noLink: true });
    },
  };
}
