/** Whether there is a browser to open, and which program opens it. It starts nothing. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { onPath } from './on-path.ts';

export type BrowserProgram = { program: string } | { program: null; why: 'turned-off' | 'no-display' | 'not-found' };

/** `BROWSER` names a program, or is `none`; else it takes a display and `xdg-open`. */
export function browserProgram(env: NodeJS.ProcessEnv): BrowserProgram {
  const chosen = env['BROWSER'];
  if (chosen === 'none') return { program: null, why: 'turned-off' };
  if (!chosen && !(env['DISPLAY'] ?? env['WAYLAND_DISPLAY'])) return { program: null, why: 'no-display' };
  const name = chosen || 'xdg-open';
  const program = name.includes('/') ? name : onPath(name, env['PATH'] ?? '');
  return program === undefined ? { program: null, why: 'not-found' } : { program };
}

/** Where a desktop keeps what opens what (freedesktop.org, MIME applications), the person's own before the system's. */
const associations = (env: NodeJS.ProcessEnv): string[] => {
  const own = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return [join(own, 'mimeapps.list'), '/etc/xdg/mimeapps.list', '/usr/share/applications/mimeapps.list'];
};
const plainName = /^[\w.+-]{1,100}$/;

/** The program in `BROWSER`, or the desktop's entry for web pages; null where neither says. It asks nobody and starts nothing. */
export async function defaultBrowserName(env: NodeJS.ProcessEnv): Promise<string | null> {
  const chosen = env['BROWSER'];
  if (chosen && chosen !== 'none') return plainName.test(basename(chosen)) ? basename(chosen) : null;
  for (const file of associations(env)) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const entry = /^x-scheme-handler\/https?=([^;\n]*)/m.exec(text.slice(0, 1_000_000))?.[1]?.trim() ?? '';
    if (plainName.test(entry)) return entry;
  }
  return null;
}
