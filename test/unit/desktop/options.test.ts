import { describe, expect, it } from 'vitest';
import { linksIn, readOptions, startCommand } from '../../../main/desktop/options.ts';
import { fakeElectron } from '../../fakes/electron/electron.ts';

const read = (...words: string[]) => readOptions(['lakepass', ...words]);
const nothing = { home: undefined, vault: undefined, hidden: false, view: undefined };

describe('the command line of the app', () => {
  it('knows a home, a vault and whether to stay hidden, among words of Chromium', () => {
    expect(read('--ozone-platform=x11', '--home', '/tmp/h', '--enable-features', 'A', '--vault=memory', '--hidden', 'file')).toEqual({
      ...{ home: '/tmp/h', vault: 'memory', hidden: true, view: undefined },
    });
  });

  it('takes no vault that there is not, and no empty home', () => {
    expect(read('--vault', 'file', '--home=')).toEqual(nothing);
    expect(read('--home')).toEqual(nothing);
  });

  it('opens the view of a link', () => {
    expect(read('lakepass://grants')).toEqual({ ...nothing, view: 'grants' });
  });

  it('obeys no option that comes beside a link', () => {
    expect(read('--home', '/tmp/evil', '--vault', 'memory', 'lakepass://keys')).toEqual({ ...nothing, view: 'keys' });
    expect(read('LAKEPASS://x', '--home', '/tmp/evil')).toEqual(nothing);
  });

  it('finds every link, and nothing else', () => {
    expect(linksIn(['lakepass:not-a-word', 'lakepass', '--x', 'lakepass://grants', 'Lakepass:evil'])).toEqual([
      'lakepass://grants',
      'Lakepass:evil',
    ]);
  });
});

describe('the command that starts the app again', () => {
  const options = { ...nothing };
  it('is the program alone where it is installed', () => {
    expect(startCommand(fakeElectron().electron.app, {}, options)).toEqual(['/opt/Lakepass/lakepass-desktop']);
  });

  it('is the file of an AppImage, whose mount is gone by then', () => {
    expect(startCommand(fakeElectron().electron.app, { APPIMAGE: '/home/ada/Lakepass.AppImage' }, options)).toEqual([
      '/home/ada/Lakepass.AppImage',
    ]);
  });

  it('keeps the place and the vault that were named, and the folder of the app in development', () => {
    const { electron } = fakeElectron({ packaged: false });
    expect(startCommand(electron.app, {}, { ...options, home: '/h', vault: 'passphrase' })).toEqual([
      ...['/opt/Lakepass/lakepass-desktop', '/opt/Lakepass/app', '--home', '/h', '--vault', 'passphrase'],
    ]);
  });
});
