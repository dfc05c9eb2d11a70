/**
 * A process with the real keychain and a real vault. Arguments: folder, then `seal TEXT` or `open`. Prints one JSON line: what it
 * opened, or the code of the failure.
 */
import { randomBytes } from 'node:crypto';
import { asAppError } from '../../../main/app-error.ts';
import { osKeychain } from '../../../main/vault/os-keychain.ts';
import { openVault } from '../../../main/vault/vault.ts';

const [folder = '', act = '', text = ''] = process.argv.slice(2);
try {
  const vault = await openVault({ folder, keychain: osKeychain(), random: randomBytes });
  if (act === 'seal') await vault.seal('session-acme', Buffer.from(text));
  const found = await vault.open('session-acme');
  console.log(JSON.stringify({ kind: vault.kind, found: found?.toString() ?? null }));
  vault.close();
} catch (error) {
  const { code, reason } = asAppError(error);
  console.log(JSON.stringify({ code, reason }));
}
