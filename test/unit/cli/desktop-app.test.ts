/** The command of a packaged installation finds its own app there and nowhere else, and never becomes a second agent. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { desktopApp } from '../../../main/cli/desktop-app.ts';
import { reading } from './stand-in-streams.ts';

let folder: string;
let executable: string;
let app: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakepass-install-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  executable = put('opt/Lakepass/resources/bin/lakepass-cli');
  app = put('opt/Lakepass/lakepass-desktop');
  place('../../lakepass-desktop');
});

function put(path: string, mode = 0o755): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'x');
  chmodSync(file, mode);
  return file;
}
const place = (way: unknown): void =>
  writeFileSync(join(dirname(executable), 'desktop-app.json'), JSON.stringify({ executable: way }), { mode: 0o644 });
const look = (): string | null => desktopApp({ isPackaged: true, executable });
const damaged = expect.objectContaining({ code: 'AGENT_START_FAILED', reason: 'desktop-app' });
function refusal(): unknown {
  try {
    return look();
  } catch (error) {
    return error;
  }
}

describe('the desktop app of a command', () => {
  it('is none where the command is a script', () => {
    expect(desktopApp({ isPackaged: false, executable })).toBeNull();
    expect(desktopApp()).toBeNull();
  });

  it('is the one beside it, also where the command is reached by a link', () => {
    expect(look()).toBe(app);
    const link = join(folder, 'lakepass');
    symlinkSync(executable, link);
    expect(desktopApp({ isPackaged: true, executable: link })).toBe(app);
  });

  it('is found in a bundle of macOS', () => {
    executable = put('Lakepass.app/Contents/Resources/bin/lakepass-cli');
    const bundled = put('Lakepass.app/Contents/MacOS/Lakepass');
    place('../../MacOS/Lakepass');
    expect(look()).toBe(bundled);
  });

  it.each(['../../../evil', '../../../../evil', '/bin/sh', '../../link', '../../MacOS/x'])(
    'is never outside of the installation: %s',
    (way) => {
      put('opt/evil');
      put('evil');
      symlinkSync('/bin/sh', join(folder, 'opt/Lakepass/link'));
      place(way);
      expect(refusal()).toEqual(damaged);
    },
  );

  it('is refused where others can change it, or the file that names it', () => {
    chmodSync(app, 0o777);
    expect(refusal()).toEqual(damaged);
    chmodSync(app, 0o755);
    chmodSync(join(dirname(executable), 'desktop-app.json'), 0o666);
    expect(refusal()).toEqual(damaged);
  });

  it.each([
    ['a folder', '../../resources'],
    ['nothing', '../../gone'],
    ['no text', 1],
    ['no way', ''],
  ])('is refused as %s', (_, way) => {
    place(way);
    expect(refusal()).toEqual(damaged);
  });

  it('is missed where nothing names it: no other agent is started instead', () => {
    rmSync(join(dirname(executable), 'desktop-app.json'));
    expect(refusal()).toEqual(damaged);
  });
});

const packaged = vi.hoisted(() => ({ app: null as string | null }));
vi.mock('../../../main/cli/desktop-app.ts', async (load) => {
  const real = await load<typeof import('../../../main/cli/desktop-app.ts')>();
  return { desktopApp: (own?: Parameters<typeof real.desktopApp>[0]) => packaged.app ?? real.desktopApp(own) };
});
vi.mock('../../../main/headless.ts', () => ({
  runHeadless: async () => {
    throw new AppError('AGENT_RUNNING');
  },
}));

describe('`lakepass agent`', () => {
  it('is refused where the agent is the desktop app', async () => {
    packaged.app = '/opt/Lakepass/lakepass-desktop';
    onTestFinished(() => {
      packaged.app = null;
      process.exitCode = 0;
    });
    // Another file of this process may have loaded the verb, with what it imports as it is.
    vi.resetModules();
    const { buildProgram } = await import('../../../main/cli/program.ts');
    const said = await reading(() => buildProgram().parseAsync(['node', 'lakepass', 'agent', '--json', '--home', folder]));
    expect(JSON.parse(said)).toMatchObject({ failure: { code: 'AGENT_IS_DESKTOP' } });
    expect(process.exitCode).toBe(4);
  });
});
