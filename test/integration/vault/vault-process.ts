/**
 * A process with the real keychain and a real vault. Arguments: folder, then `seal TEXT`, `open`, or a change of how it is sealed:
 * `by-key`, `by-passphrase`, `unseal`, `start-over`. A vault that is sealed is opened first, by what the test's key or passphrase
 * gives. Prints one JSON line: what it opened, or the code of the failure.
 */
import { randomBytes } from 'node:crypto';
import { asAppError } from '../../../main/app-error.ts';
import { osKeychain } from '../../../main/vault/os-keychain.ts';
import { openVault } from '../../../main/vault/vault.ts';

const PASSPHRASE = 'correct horse battery';
/** What a real key would answer: the same for the same salt. */
const prf = (): Buffer => Buffer.alloc(32, 7);

const [folder = '', act = '', text = ''] = process.argv.slice(2);
try {
  const vault = await openVault({ folder, keychain: osKeychain(), random: randomBytes });
  if (vault.locked && act !== 'start-over')
    await (vault.sealing === 'key' ? vault.unlockWithKey('key', prf()) : vault.unlockWithPassphrase(PASSPHRASE));
  if (act === 'by-key') await vault.sealWithKey('key', prf());
  if (act === 'by-passphrase') await vault.sealWithPassphrase(PASSPHRASE);
  if (act === 'unseal') await vault.unseal();
  if (act === 'start-over') await vault.startOver();
  if (act === 'seal') await vault.seal('session-acme', Buffer.from(text));
  const found = await vault.open('session-acme');
  console.log(JSON.stringify({ kind: vault.kind, found: found?.toString() ?? null }));
  vault.close();
} catch (error) {
  const { code, reason } = asAppError(error);
  console.log(JSON.stringify({ code, reason }));
}
