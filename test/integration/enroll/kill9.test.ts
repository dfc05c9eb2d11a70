/**
 * SIGKILL at every step of joining a company and of leaving it: real processes, a real disk. Afterwards the device is nobody's or the
 * company's, never something between; it goes on from there, is the same device for ever, and the audit chain is whole.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuditLog } from '../../../main/audit/log.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { thumbprintOf } from '../../../main/enroll/bundle.ts';
import { openDevice } from '../../../main/enroll/device.ts';
import { openEnrollment } from '../../../main/enroll/enrollment.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { fileKeychain } from '../../fakes/file-keychain.ts';
import { signedBundle, signingKey } from '../../unit/enroll/setting.ts';

const day = 86_400_000;
const program = fileURLToPath(new URL('./enroll-process.ts', import.meta.url));
const setting = { clock: systemClock, random: randomBytes, log: () => undefined };

let home: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'lakepass-enroll9-'));
  const key = await signingKey();
  const dates = { issuedAt: new Date(Date.now() - day).toISOString(), expires: new Date(Date.now() + day).toISOString() };
  writeFileSync(join(home, 'bundle'), await signedBundle([key], dates));
  writeFileSync(join(home, 'thumbprint'), await thumbprintOf(key.publicKey));
});
afterEach(() => rmSync(home, { recursive: true }));

/** Runs until the step, or to the end. */
async function live(act: 'join' | 'leave', stopAt = ''): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [program, home, act, stopAt], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

/** What a next start finds. */
async function found(): Promise<{ device: string | null; held: string | null; flaws: unknown[] }> {
  const vault = await openVault({ ...setting, folder: join(home, 'vault'), keychain: fileKeychain(join(home, 'keychain')) });
  const audit = await openAuditLog({ ...setting, folder: join(home, 'audit') });
  const fetch: typeof globalThis.fetch = () => Promise.reject(new TypeError('fetch failed'));
  const enrollment = await openEnrollment({ ...setting, vault, audit, fetch, managed: null });
  const device = (await openDevice(vault))?.id ?? null;
  const held = enrollment.held()?.device.id ?? null;
  enrollment.close();
  vault.close();
  await audit.close();
  const { problems } = await verifyAudit(join(home, 'audit'));
  // Before the company is joined there is nothing to write down.
  return { device, held, flaws: problems.filter(({ problem }) => problem !== 'nothing-here') };
}

describe('whoever is killed while a company is joined', () => {
  it.each([
    ['enrolled-device begun', false, false],
    ['enrolled-device tmp-written', true, false],
    ['enrolled-device renamed', true, false],
    ['enrollment begun', true, false],
    ['enrollment tmp-written', true, true],
    ['enrollment renamed', true, true],
    ['enrollment sealed', true, true],
  ])('at %s goes on as the same device', async (step, isMade, isHeld) => {
    expect(await live('join', step)).toBe('SIGKILL');
    const after = await found();
    expect([after.device !== null, after.held !== null, after.flaws]).toEqual([isMade, isHeld, []]);
    if (isHeld) expect(after.held).toBe(after.device);
    expect(await live('join')).toBe(0);
    const end = await found();
    expect([end.held, end.flaws]).toEqual([end.device, []]);
    if (isMade) expect(end.device).toBe(after.device);
  });
});

describe('whoever is killed while a company is left', () => {
  it.each([
    ['enrollment erasing', true],
    ['enrollment erased', false],
  ])('at %s has left or has not, and comes back as the same device', async (step, isHeld) => {
    expect(await live('join')).toBe(0);
    const { device } = await found();
    expect(await live('leave', step)).toBe('SIGKILL');
    expect(await found()).toEqual({ device, held: isHeld ? device : null, flaws: [] });
    expect([await live('leave'), await live('join')]).toEqual([0, 0]);
    expect(await found()).toEqual({ device, held: device, flaws: [] });
  });
});
