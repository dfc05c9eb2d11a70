/** The menu of the app: on macOS what its keys for copying and closing need, elsewhere none; a reload or a debugger only in development. */
import type { MenuItemConstructorOptions } from 'electron';
import { words } from './words.ts';

/** @returns null: no menu at all */
export function appMenu({ platform, packaged }: { platform: NodeJS.Platform; packaged: boolean }): MenuItemConstructorOptions[] | null {
  const edit: MenuItemConstructorOptions = {
    label: words.menu.edit,
    submenu: [
      { role: 'undo' },
      { role: 'redo' },
      { type: 'separator' },
      { role: 'cut' },
      { role: 'copy' },
      { role: 'paste' },
      { role: 'selectAll' },
    ],
  };
  const app: MenuItemConstructorOptions = {
    label: words.product,
    submenu: [{ role: 'about' }, { type: 'separator' }, { role: 'hide' }, { role: 'hideOthers' }, { type: 'separator' }, { role: 'quit' }],
  };
  const window: MenuItemConstructorOptions = { label: words.menu.window, submenu: [{ role: 'minimize' }, { role: 'close' }] };
  const develop: MenuItemConstructorOptions = { label: 'Develop', submenu: [{ role: 'reload' }, { role: 'toggleDevTools' }] };
  const own = platform === 'darwin' ? [app, edit, window] : [];
  const menu = packaged ? own : [...own, develop];
  return menu.length === 0 ? null : menu;
}
