/**
 * A process that signs in, renews, mints a token and is locked, and whose heap is written out before and after. Arguments: one JSON
 * line, see `Orders`. It prints `open URL` when the person is to sign in, `written` once both snapshots are there, else `failed CODE`.
 *
 * No name of a test's secret is known here: whatever is found in the snapshots, the product itself kept.
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { AppError, asAppError } from '../../../main/app-error.ts';
import { openAuditLog } from '../../../main/audit/log.ts';
import { createFederation } from '../../../main/databricks/federation.ts';
import { createTokens } from '../../../main/databricks/tokens.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import { createLock } from '../../../main/lock/lock.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import { createSession, type Session } from '../../../main/session/session.ts';
import { hours, later, ms, seconds } from '../../../main/units.ts';
import { openVault, type Vault } from '../../../main/vault/vault.ts';
import { fileKeychain } from '../../fakes/file-keychain.ts';

export interface Orders {
  home: string;
  issuer: string;
  clientId: string;
  workspace: string;
  sealing: 'keychain' | 'key';
  /** Files to write. */
  before: string;
  after: string;
}

const say = (line: string): void => void writeSync(1, `${line}\n`);
/** Keeps the process alive: the timers of the clock port do not. */
const pulse = setInterval(() => undefined, 1_000);
const orders = JSON.parse(process.argv[2] ?? '{}') as Orders;
const setting = { clock: systemClock, random: randomBytes, log: () => undefined };

try {
  const audit = await openAuditLog({ ...setting, folder: join(orders.home, 'audit') });
  const vault = await openVault({ ...setting, folder: join(orders.home, 'vault'), keychain: fileKeychain(join(orders.home, 'keychain')) });
  const { issuer, clientId } = orders;
  const profile = {
    name: 'acme',
    ...profileSchema.parse({
      test: true,
      idp: { issuer, clientId },
      limits: { minTokenLife: '2 s' },
      workspaces: [{ name: 'main', host: orders.workspace }],
    }),
  };
  const uid = process.getuid?.() ?? -1;
  const openBrowser = async (url: URL): Promise<'opened'> => {
    say(`open ${url.href}`);
    return 'opened';
  };
  const idp = createIdentityProvider({
    ...setting,
    ...{ profile, audit, openBrowser, uid, fetch: globalThis.fetch, peerUid: { lookup: async () => uid } },
  });
  const session = createSession({ ...setting, profile, idp, vault, audit });
  const tokens = createTokens({
    ...setting,
    ...{ profile, audit },
    source: createFederation({
      ...setting,
      profile,
      fetch: globalThis.fetch,
      subjectToken: (needs) => session.subjectToken(needs),
      groups: () => [],
    }),
    subject: () => session.view().identity?.subject ?? '',
  });
  const limits = { awayGrace: hours(1), idle: null, dailyCap: null, lockOnSuspend: false };
  const lock = createLock({ clock: systemClock, audit, log: () => undefined, limits: () => limits });
  lock.onChange(async (state) => {
    if (state !== 'locked') return;
    await session.lock();
    tokens.forget(new AppError('LOCKED'));
    await vault.lock();
  });
  await use(session, vault, tokens);
  writeHeapSnapshot(orders.before);
  await lock.lock('command');
  await settle();
  writeHeapSnapshot(orders.after);
  say('written');
  await audit.close();
} catch (error) {
  say(`failed ${asAppError(error).code} ${String(error)}`);
}
clearInterval(pulse);
process.exit(0);

/** Whatever leaves traces: a sign-in, a renewal, a minted token, a change of how the vault is sealed. */
async function use(session: Session, vault: Vault, tokens: ReturnType<typeof createTokens>): Promise<void> {
  await session.signIn({ onUrl: () => undefined });
  const { expiresAt } = await session.subjectToken({ life: ms(0) });
  // Most of its life, some of which is over: that makes it a renewal. What is between has room for a busy machine.
  while (expiresAt - Date.now() > 13_000) await wait(20);
  await session.subjectToken({ life: ms(13_000) });
  await tokens.get({ workspace: orders.workspace, scopes: ['sql'], deadline: later(systemClock.now(), seconds(10)) });
  if (orders.sealing === 'key') await vault.sealWithKey('key', randomBytes(32));
}

/** Lets what is under way end, and everything that nobody holds go. */
async function settle(): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('started without --expose-gc');
  for (let turn = 0; turn < 10; turn += 1) {
    await wait(20);
    gc();
  }
}
