/**
 * A process that lives to be killed: it resumes the stored session against a real provider, with a real vault and audit log, and
 * renews it over and over. It loads everything first and waits for its orders, one JSON line on stdin; when stdin closes it ends.
 *
 * Lines it prints: `ready`; `resumed OUTCOME` after the first token (or failure); `at STEP` when the step it was told to stop at
 * is done, where it then hangs; `closed` after an orderly end.
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { asAppError } from '../../../main/app-error.ts';
import { openAuditLog } from '../../../main/audit/log.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { createWorkspaceProvider } from '../../../main/idp/databricks-provider.ts';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import { createSession, type Session } from '../../../main/session/session.ts';
import { ms } from '../../../main/units.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { fileKeychain } from '../../fakes/file-keychain.ts';

export interface Orders {
  home: string;
  issuer: string;
  clientId: string;
  /** 'databricks': the issuer is a workspace. */
  preset?: 'generic' | 'databricks';
  /** Hang there, once the session is resumed (`when` 'later') or in the renewal that resumes it ('first'). */
  stopAt: string | null;
  when: 'first' | 'later';
  /** End in order after the first token. */
  leave: boolean;
}

const say = (line: string): void => void writeSync(1, `${line}\n`);
/** Keeps the process alive: the timers of the clock port do not. */
const pulse = setInterval(() => undefined, 1_000);

createInterface({ input: process.stdin })
  .once('line', (line) => void live(JSON.parse(line) as Orders))
  .once('close', () => process.exit(0));
say('ready');

async function live(orders: Orders): Promise<void> {
  const { home, issuer, clientId, preset = 'generic' } = orders;
  const setting = { clock: systemClock, random: randomBytes, log: () => undefined };
  const audit = await openAuditLog({ ...setting, folder: join(home, 'audit') });
  const vault = await openVault({ ...setting, folder: join(home, 'vault'), keychain: fileKeychain(join(home, 'keychain')) });
  const workspaces = [{ name: 'main', host: preset === 'databricks' ? new URL(issuer).origin : 'http://127.0.0.1:9' }];
  const profile = { ...profileSchema.parse({ test: true, idp: { preset, issuer, clientId }, workspaces }), name: 'acme' };
  const nobody = { peerUid: { lookup: async () => null }, uid: -1, openBrowser: async () => 'none' as const };
  const createProvider = preset === 'databricks' ? createWorkspaceProvider : createIdentityProvider;
  const idp = createProvider({ ...setting, ...nobody, profile, fetch: globalThis.fetch, audit });
  let armed = orders.when === 'first';
  const steps = (step: string): void | Promise<void> => {
    if (!armed || step !== orders.stopAt) return;
    say(`at ${step}`);
    return new Promise<never>(() => undefined);
  };
  const session = createSession({ ...setting, profile, idp, vault, audit, steps });

  await session.resume();
  say(`resumed ${await ask(session, 0)}`);
  armed = true;
  if (orders.leave) {
    await session.close();
    vault.close();
    await audit.close();
    clearInterval(pulse);
    say('closed');
    process.exit(0);
  }
  // The provider's tokens live for two seconds here: asking for nearly all of that makes every question a renewal.
  for (;;) await ask(session, 1_990);
}

async function ask(session: Session, life: number): Promise<string> {
  try {
    await session.subjectToken({ life: ms(life) });
    return 'served';
  } catch (error) {
    return asAppError(error).code;
  }
}
