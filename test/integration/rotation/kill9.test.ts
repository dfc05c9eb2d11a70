/**
 * SIGKILL at every step of a rotation and at random moments: real processes, a real disk, a real OpenID provider. Where the
 * provider allows a grace period, every restart resumes; where it allows none, a restart resumes or says SESSION_LOST. In no case
 * is a refresh token sent a third time, and the audit chain stays whole.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAuditLog } from '../../../main/audit/log.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import type { RotationStep } from '../../../main/session/rotation.ts';
import { createSession } from '../../../main/session/session.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { fileKeychain } from '../../fakes/file-keychain.ts';
import { type Idp, startIdp } from '../../fixtures/idp/idp.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey, type SoftwareKey } from '../../fixtures/software-key/software-key.ts';
import type { Orders } from './session-process.ts';

/** Dozens of processes on a small machine. */
const SLOW = 180_000;
const steps: RotationStep[] = ['intent-written', 'request-sent', 'answer-received', 'token-tmp-written', 'token-renamed', 'intent-erased'];
/** What is on the disk from here on is the new token. */
const safeSteps: RotationStep[] = ['intent-written', 'token-tmp-written', 'token-renamed', 'intent-erased'];

let home: string;
let idp: Idp;
let key: SoftwareKey;
let warm: Process[];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lakepass-kill9-'));
  idp = await startIdp({ idTokenTtlSeconds: 2 });
  key = createSoftwareKey();
  await idp.enrol('alice', key);
  warm = [launch(), launch()];
});
afterEach(async () => {
  await Promise.all(warm.map((process) => process.kill()));
  await idp.close();
  await rm(home, { recursive: true, force: true });
});

interface Process {
  order(orders: Partial<Orders>): void;
  /** The next line it prints; 'ended' when there is none any more. */
  line(): Promise<string>;
  /** SIGKILL; the signal that ended it. */
  kill(): Promise<NodeJS.Signals | null>;
}

function launch(): Process {
  const program = fileURLToPath(new URL('./session-process.ts', import.meta.url));
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const next = await lines.next();
    return next.done === true ? 'ended' : next.value;
  };
  // Killed in the middle of a write is how most of them end.
  child.stdin.on('error', () => undefined);
  return {
    order: (orders) =>
      void child.stdin.write(
        `${JSON.stringify({ home, issuer: idp.issuer, clientId: idp.clientId, stopAt: null, when: 'later', leave: false, ...orders })}\n`,
      ),
    line,
    async kill() {
      child.kill('SIGKILL');
      const [, signal] = await exit;
      return signal;
    },
  };
}

/** A process that is loaded and resumes on this order; the next one warms up meanwhile. */
async function resumed(orders: Partial<Orders>): Promise<{ life: Process; outcome: string }> {
  const life = warm.shift() ?? launch();
  warm.push(launch());
  expect(await life.line()).toBe('ready');
  life.order(orders);
  return { life, outcome: await life.line() };
}

async function signIn(): Promise<void> {
  const setting = { clock: systemClock, random: randomBytes, log: () => undefined };
  const audit = await openAuditLog({ ...setting, folder: join(home, 'audit') });
  const vault = await openVault({ ...setting, folder: join(home, 'vault'), keychain: fileKeychain(join(home, 'keychain')) });
  const workspaces = [{ name: 'main', host: 'http://127.0.0.1:9' }];
  const profile = { ...profileSchema.parse({ test: true, idp: { issuer: idp.issuer, clientId: idp.clientId }, workspaces }), name: 'acme' };
  const uid = process.getuid?.() ?? -1;
  const openBrowser = async (url: URL) => {
    void scriptedBrowser({ username: 'alice', key }).open(url);
    return 'opened' as const;
  };
  const provider = createIdentityProvider({
    ...setting,
    profile,
    fetch: globalThis.fetch,
    audit,
    openBrowser,
    peerUid: { lookup: async () => uid },
    uid,
  });
  const session = createSession({ ...setting, profile, idp: provider, vault, audit });
  await session.signIn({ onUrl: () => undefined });
  await session.close();
  vault.close();
  await audit.close();
}

const refreshes = (): number => idp.requests.filter(({ grantType }) => grantType === 'refresh_token').length;

/** How often the most used refresh token arrived at the provider. */
function mostSent(): number {
  const counts = new Map<string, number>();
  for (const { grantType, refreshTokenHash } of idp.requests)
    if (grantType === 'refresh_token' && refreshTokenHash !== undefined)
      counts.set(refreshTokenHash, (counts.get(refreshTokenHash) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

async function killAt(life: Process, step: RotationStep): Promise<void> {
  expect(await life.line()).toBe(`at ${step}`);
  expect(await life.kill()).toBe('SIGKILL');
}

/** At a random moment of a renewal, or between two: the next one has begun when the waiting begins. */
async function killSoon(life: Process): Promise<void> {
  const before = refreshes();
  while (refreshes() === before) await wait(1);
  await wait(randomInt(0, 100));
  expect(await life.kill()).toBe('SIGKILL');
}

async function expectWholeAudit(): Promise<void> {
  expect((await verifyAudit(join(home, 'audit'))).problems).toEqual([]);
}

it(
  'costs nothing where the provider allows 30 s of grace, wherever the kill falls',
  async () => {
    idp.setRefreshGrace(30);
    await signIn();
    const kills: (RotationStep | 'soon')[] = [...steps, ...steps, ...Array.from({ length: 10 }, () => 'soon' as const)];
    for (const [turn, kill] of kills.entries()) {
      const { life, outcome } = await resumed({ stopAt: kill === 'soon' ? null : kill });
      expect(outcome, `restart ${turn}, after ${kills[turn - 1] ?? 'the sign-in'}`).toBe('resumed served');
      await (kill === 'soon' ? killSoon(life) : killAt(life, kill));
      expect(mostSent()).toBeLessThanOrEqual(2);
      await expectWholeAudit();
    }
    const { life, outcome } = await resumed({ leave: true });
    expect(outcome).toBe('resumed served');
    expect(await life.line()).toBe('closed');
    await expectWholeAudit();
  },
  SLOW,
);

it(
  'costs at most the one session where the provider allows no grace, and says so',
  async () => {
    await signIn();
    const kills: (RotationStep | 'soon')[] = [...steps, ...Array.from({ length: 6 }, () => 'soon' as const)];
    const outcomes = new Set<string>();
    for (const kill of kills) {
      const first = await resumed({ stopAt: kill === 'soon' ? null : kill });
      expect(first.outcome).toBe('resumed served');
      await (kill === 'soon' ? killSoon(first.life) : killAt(first.life, kill));
      const second = await resumed({ leave: true });
      outcomes.add(second.outcome);
      expect(['resumed served', 'resumed SESSION_LOST']).toContain(second.outcome);
      if (safeSteps.includes(kill as RotationStep)) expect(second.outcome, `after ${kill}`).toBe('resumed served');
      expect(await second.life.line()).toBe('closed');
      expect(mostSent()).toBeLessThanOrEqual(2);
      await expectWholeAudit();
      if (second.outcome === 'resumed SESSION_LOST') await signIn();
    }
    // Killed with the answer in hand and not on the disk, the session cannot survive here; were this never seen, nothing was tested.
    expect(outcomes).toContain('resumed SESSION_LOST');
  },
  SLOW,
);

it('killed in the replay too, the session is lost at the next start and the token is not sent a third time, grace or not', async () => {
  idp.setRefreshGrace(30);
  await signIn();
  const first = await resumed({ stopAt: 'request-sent', when: 'later' });
  expect(first.outcome).toBe('resumed served');
  await killAt(first.life, 'request-sent');
  const second = await resumed({ stopAt: 'request-sent', when: 'first' });
  expect(second.outcome).toBe('at request-sent');
  expect(await second.life.kill()).toBe('SIGKILL');
  const sent = idp.requests.length;
  const third = await resumed({ leave: true });
  expect(third.outcome).toBe('resumed SESSION_LOST');
  expect(idp.requests.slice(sent).filter(({ grantType }) => grantType === 'refresh_token')).toEqual([]);
  expect(mostSent()).toBeLessThanOrEqual(2);
  await expectWholeAudit();
});
