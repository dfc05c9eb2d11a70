/** What the command line may say to the shell. It is nobody's we know: a link in a web page can start us with words of its own. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { App } from 'electron';
import type { Wanted } from '../../preload/contract/desktop.ts';
import { type VaultChoice, vaultChoices } from '../host-ports.ts';
import { readDeepLink } from './deep-links.ts';

export interface DesktopOptions {
  home: string | undefined;
  /** undefined: the person named none. */
  vault: VaultChoice | undefined;
  /** Started with the session of the person: no window, only the tray. */
  hidden: boolean;
  /** What a deep link asks to see. */
  view: Wanted | undefined;
}

/**
 * Reads `--home DIR`, `--vault NAME`, `--hidden` and a deep link; everything else is passed over, for Chromium adds words of its own.
 *
 * @param argv the whole of it, program first
 */
export function readOptions(argv: readonly string[]): DesktopOptions {
  const links = linksIn(argv);
  // check: link-brings-no-options
  // Whoever can have a link opened may be able to slip options in beside it.
  if (links.length > 0) return { home: undefined, vault: undefined, hidden: false, view: readDeepLink(links[0]) };
  // end check
  const { values } = parseArgs({
    args: [...argv.slice(1)],
    strict: false,
    allowPositionals: true,
    options: { home: { type: 'string' }, vault: { type: 'string' }, hidden: { type: 'boolean' } },
  });
  return {
    home: typeof values.home === 'string' && values.home !== '' ? values.home : undefined,
    vault: vaultChoices.find((choice) => choice === values.vault),
    hidden: values.hidden === true,
    view: undefined,
  };
}

/** Every word that is a link of ours, or says so. */
export const linksIn = (argv: readonly string[]): string[] => argv.slice(1).filter((word) => /^lakepass:/i.test(word));

/** The command that starts this very app again, in the same place and with the same vault; an AppImage is mounted anew each time. */
export function startCommand(
  app: Pick<App, 'isPackaged' | 'getPath' | 'getAppPath'>,
  env: NodeJS.ProcessEnv,
  { home, vault }: DesktopOptions,
): string[] {
  const program = env['APPIMAGE'] || app.getPath('exe');
  const place = home === undefined ? [] : ['--home', resolve(home)];
  return [program, ...(app.isPackaged ? [] : [app.getAppPath()]), ...place, ...(vault === undefined ? [] : ['--vault', vault])];
}
