/**
 * A process that joins a company or leaves it with a real vault and audit log, and kills itself at a step. Arguments: folder, `join` or
 * `leave`, step; the bundle and its key's thumbprint lie in the folder.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAuditLog } from '../../../main/audit/log.ts';
import { openEnrollment } from '../../../main/enroll/enrollment.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { fileKeychain } from '../../fakes/file-keychain.ts';

const [home = '', act = '', stopAt = ''] = process.argv.slice(2);
const at = (step: string): void => {
  if (step === stopAt) process.kill(process.pid, 'SIGKILL');
};

const setting = { clock: systemClock, random: randomBytes, log: () => undefined };
const audit = await openAuditLog({ ...setting, folder: join(home, 'audit') });
const vault = await openVault({ ...setting, folder: join(home, 'vault'), keychain: fileKeychain(join(home, 'keychain')) });
const enrollment = await openEnrollment({
  ...{ ...setting, audit, managed: null },
  vault: {
    open: vault.open,
    async seal(name, plain) {
      at(`${name} begun`);
      await vault.seal(name, plain, (step) => at(`${name} ${step}`));
      at(`${name} sealed`);
    },
    async erase(name) {
      at(`${name} erasing`);
      await vault.erase(name);
      at(`${name} erased`);
    },
  },
  fetch: async () => new Response(readFileSync(join(home, 'bundle')), { status: 200 }),
});
if (act === 'leave') await enrollment.leave();
else {
  const thumbprint = readFileSync(join(home, 'thumbprint'), 'utf8');
  await enrollment.accept(await enrollment.look({ url: 'https://it.acme.example/b.json', thumbprint }));
}
enrollment.close();
vault.close();
await audit.close();
