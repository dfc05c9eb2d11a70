/** Puts the model of the tray on the screen, and what the person chooses there into acts. */
import { join } from 'node:path';
import type { MenuItemConstructorOptions, NativeImage, Tray } from 'electron';
import type { Electron } from './electron.ts';
import type { TrayAct, TrayEntry, TrayIcon, TrayModel } from './tray-model.ts';

export interface ShownTray {
  /** Nothing is touched where nothing has changed: a menu that is open would close. */
  show(model: TrayModel): void;
  close(): void;
}

export function createTray(parts: {
  electron: Pick<Electron, 'Menu' | 'nativeImage' | 'Tray'>;
  /** Where the build put the icons. */
  folder: string;
  platform: NodeJS.Platform;
  run: (act: TrayAct) => void;
}): ShownTray {
  const { Menu, nativeImage, Tray } = parts.electron;
  let tray: Tray | undefined;
  let shown: TrayModel | undefined;

  /** macOS colours a template itself, as its menu bar is light or dark; the 2x one is found beside it. */
  function imageOf(icon: TrayIcon): NativeImage {
    const isMac = parts.platform === 'darwin';
    const image = nativeImage.createFromPath(join(parts.folder, `tray-${icon}${isMac ? '-mono' : ''}.png`));
    if (isMac) image.setTemplateImage(true);
    return image;
  }

  function itemOf(entry: TrayEntry): MenuItemConstructorOptions {
    if (entry.kind === 'line') return { type: 'separator' };
    const label = entry.label.replaceAll('&', '&&');
    if (entry.kind === 'text') return { label, enabled: false };
    const click = (): void => parts.run(entry.does);
    if (entry.kind === 'act') return { label, enabled: entry.enabled, click };
    return { label, type: 'checkbox', checked: entry.checked, click };
  }

  return {
    show(model) {
      if (tray === undefined) {
        tray = new Tray(imageOf(model.icon));
        tray.on('click', () => parts.run({ act: shown?.icon === 'asking' ? 'request' : 'open' }));
      } else if (shown?.icon !== model.icon) tray.setImage(imageOf(model.icon));
      if (shown?.tooltip !== model.tooltip) tray.setToolTip(model.tooltip);
      if (JSON.stringify(shown?.menu) !== JSON.stringify(model.menu))
        tray.setContextMenu(Menu.buildFromTemplate(model.menu.map((entry) => itemOf(entry))));
      shown = model;
    },
    close() {
      tray?.destroy();
      tray = undefined;
      shown = undefined;
    },
  };
}
