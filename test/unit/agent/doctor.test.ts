/** What the nouns know, as the doctor's checks find it: each thing by itself, so that one that fails takes no other along. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDoctor, type Doctor, type DoctorParts } from '../../../main/agent/doctor.ts';
import { AppError } from '../../../main/app-error.ts';
import { createVerifying } from '../../../main/audit/verifying.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { callUi, type UiAgent } from '../../../main/pages/ui-agent.ts';
import { hours } from '../../../main/units.ts';
import type { DoctorView } from '../../../preload/contract/doctor.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { opened, served } from '../audit/audit-folder.ts';
import { listening, NOW, status, temporaryFolder } from '../doctor/setting.ts';

interface Asked {
  clock: FakeClock;
  parts: DoctorParts;
  ask: () => Promise<(id: string) => DoctorView['checks'][number]>;
}

async function asking(changes: Partial<DoctorParts> = {}): Promise<Asked> {
  const home = temporaryFolder();
  const runtime = join(home, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const clock = fakeClock(NOW);
  const { log: audit, folder } = await opened({ clock });
  audit.append(served(1));
  const parts: DoctorParts = {
    ...{ status: () => status(), places: { runtime, socket: await listening(runtime) }, portMoved: () => false },
    files: { problems: () => [], notes: () => [], configApproved: () => true },
    ...{ tapKeys: { problem: null }, locking: { notes: () => [] }, audit, auditFolder: folder },
    verifying: createVerifying({ folder, clock }),
    ...{ env: { HOME: home, BROWSER: '/usr/bin/browser' }, clock, log: () => undefined, scopes: ['sql'] },
    far: {
      ...{ clock, fetch: globalThis.fetch, random: randomBytes, log: () => undefined, companies: new Map(), servicePrincipals: new Map() },
      ...{ grants: { get: () => undefined, find: () => undefined }, audit: { tail: () => [] }, port: () => 12_345 },
      ...{ systemFindsOwnName: async () => true, defaultBrowser: async () => 'firefox.desktop', watched: () => [] },
    },
    ...changes,
  };
  const doctor = createDoctor(parts) as unknown as UiAgent & Pick<Doctor, 'look'>;
  const ask: Asked['ask'] = async () => {
    const { checks } = (await callUi(doctor, 'doctor', {}, unknownCaller)) as DoctorView;
    return (id) => {
      const found = checks.find((check) => check.id === id);
      if (found === undefined) throw new Error(`no check ${id} among ${checks.map((check) => check.id).join(' ')}`);
      return found;
    };
  };
  return { clock, parts, ask };
}

describe('the doctor', () => {
  it('looks at the real folder, socket and log', async () => {
    const { ask, parts } = await asking();
    const before = await ask();
    for (const id of ['control-socket', 'audit-log', 'clock']) expect(before(id).state).toBe('good');
    chmodSync(parts.places.runtime, 0o755);
    expect((await ask())('control-socket')).toMatchObject({ state: 'bad', code: 'RUNTIME_UNSAFE' });
  });

  it('knows what the last look at the chain found, and how long ago', async () => {
    const { ask, parts, clock } = await asking();
    expect((await ask())('audit-verified').state).toBe('unknown');
    await (parts.verifying as ReturnType<typeof createVerifying>).verify();
    clock.set(clock.now() + hours(5));
    expect((await ask())('audit-verified')).toMatchObject({ state: 'good', finding: expect.stringContaining('5 h ago') });
  });

  it('tells a clock that was set back from a machine that slept, since the start', async () => {
    const { ask, clock } = await asking();
    await clock.advance(hours(2));
    expect((await ask())('clock').finding).toMatch(/not set back/);
    clock.sleepThrough(hours(8));
    expect((await ask())('clock')).toMatchObject({ state: 'good', finding: expect.stringContaining('8 h') });
    clock.set(clock.now() - hours(9));
    expect((await ask())('clock')).toMatchObject({ state: 'weak', finding: expect.stringContaining('1 h') });
  });

  it('has the rest of the page where one noun can say nothing', async () => {
    const fails = (): never => {
      throw new AppError('DISK_FULL');
    };
    const broken: Partial<DoctorParts> = {
      files: { problems: fails, notes: fails, configApproved: fails },
      locking: { notes: fails },
      portMoved: fails,
      verifying: { last: fails },
      audit: { synced: async () => fails() },
    };
    const found = await (await asking(broken)).ask();
    const unknown = ['config', 'policy', 'desktop', 'broker-port', 'audit-verified', 'audit-log', 'clock'];
    for (const id of unknown) expect(found(id)).toMatchObject({ state: 'unknown', code: 'DISK_FULL' });
    for (const id of ['agent', 'control-socket', 'session-acme', 'workspace-acme-main', 'tap-keys', 'vault', 'databricks-profiles'])
      expect(found(id).state).toBe('good');
  });

  it('has the rest of the page where the agent itself can say nothing', async () => {
    const { ask } = await asking({
      status: () => {
        throw new TypeError('a bug');
      },
    });
    const found = await ask();
    expect(found('session')).toMatchObject({ state: 'unknown', code: 'INTERNAL', title: 'Sessions' });
    for (const id of ['control-socket', 'audit-log', 'desktop', 'browser']) expect(found(id).state).toBe('good');
  });
});
