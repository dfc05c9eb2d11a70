/** Facts of a machine on which all is well, and a fresh one each time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Facts } from '../../../main/doctor/facts.ts';
import type { EpochMs } from '../../../main/units.ts';
import { ms } from '../../../main/units.ts';
import { type StatusView, statusViewSchema } from '../../../preload/contract/control.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import type { TapKeyView } from '../../../preload/contract/tap-key.ts';

export const NOW = Date.UTC(2026, 0, 5, 9) as EpochMs;
const iso = (hoursFromNow: number): string => new Date(NOW + hoursFromNow * 3_600_000).toISOString();

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lp-doctor-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A socket that somebody listens at. */
export async function listening(folder: string): Promise<string> {
  const socket = join(folder, 'control.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return socket;
}

export const session = (changes: Partial<SessionView> = {}): SessionView => ({
  ...{ profile: 'acme', phase: 'signed-in', signInWaiting: false },
  identity: { issuer: 'https://idp.acme.example', subject: '00u1', username: 'ada@acme.example', displayName: 'Ada', groups: [] },
  assurance: { level: 'phr', because: 'said so', acr: 'phr', amr: ['hwk'], authTime: null },
  ...{ signedInAt: iso(-1), renewedAt: null, endsAt: iso(23), idleEndsAt: null, renewable: true, survivesRestart: true },
  ...{ renewalProblem: null, lastFailure: null },
  ...changes,
});

export const tapKey = (name: string, changes: Partial<TapKeyView> = {}): TapKeyView => ({
  ...{ id: name, name, aaguid: 'a', model: 'YubiKey', attested: true, hardwareBound: true, enrolledAt: iso(-90) },
  ...{ lastTouchedAt: null, canSeal: true, seals: true },
  ...changes,
});

export const profile = (view: SessionView, health = 'ok'): StatusView['profiles'][number] => ({
  ...{ name: view.profile, test: false, issuer: 'https://idp.acme.example', session: view },
  workspaces: [{ name: 'main', host: 'https://acme.cloud.databricks.com', health }],
});

export const status = (changes: Partial<StatusView> = {}): StatusView =>
  statusViewSchema.parse({
    ...{ version: '1.2.3', pid: 7, host: 'headless', startedAt: iso(-3), vault: 'secret-service', port: 12_345, configFile: '/c.yaml' },
    ...{
      profiles: [profile(session())],
      servicePrincipals: [],
      grants: [],
      problems: [],
      warnings: [],
      next: '',
      tapKeys: [tapKey('Blue'), tapKey('Red')],
    },
    lock: { state: 'open', since: null, why: null, locksAt: null, unlockBy: [], continuing: 0, sealing: 'key' },
    queue: { asks: [], snoozedUntil: null, quiet: false, history: [] },
    policy: { id: 'acme', revision: 3, hash: 'h', mode: 'enforce', source: '/policy.yaml', expires: null },
    ...changes,
  });

/** In a folder of its own, which is home, too. */
export async function wellMachine(changes: Partial<Facts> = {}): Promise<Facts & { home: string }> {
  const home = temporaryFolder();
  return {
    home,
    ...{ now: NOW, status: status(), socket: changes.socket ?? (await listening(home)), isRuntimeOwn: async () => true, portMoved: false },
    ...{ fileProblems: [], fileNotes: [], configApproved: true, tapKeyProblem: null, lockNotes: [] },
    ...{ auditFolder: home, auditSynced: async () => undefined, clockDrift: ms(0) },
    auditVerified: { isWhole: true, records: 7, at: (NOW - 60_000) as EpochMs, clockWentBack: false },
    env: { HOME: home, PATH: '/usr/bin', DISPLAY: ':0', BROWSER: '/usr/bin/browser' },
    ...changes,
  };
}
