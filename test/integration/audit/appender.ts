/** A process that appends to a log without end, sealed where it is given a device, and prints the number of each record once `append` has returned. */
import { createPrivateKey, type JsonWebKey, randomBytes, sign } from 'node:crypto';
import fs from 'node:fs';
import { createCheckpoints, type Signer } from '../../../main/audit/checkpoints.ts';
import { openAuditLog } from '../../../main/audit/log.ts';
import { systemClock } from '../../../main/host-ports.ts';

const [folder = '', segmentBytes = '', from = '', deviceFile = ''] = process.argv.slice(2);
const log = await openAuditLog({
  folder,
  clock: systemClock,
  random: randomBytes,
  log: () => undefined,
  segmentBytes: Number(segmentBytes),
});
if (deviceFile !== '') seal(JSON.parse(fs.readFileSync(deviceFile, 'utf8')));
for (let n = Number(from); ; n += 1) {
  log.append({ type: 'token.served-again', grant: `g${n}`.padEnd(1 + (n % 400), 'x'), count: n });
  // Synchronous, so that what the parent reads was written after the append and before the death.
  fs.writeSync(1, `${n}\n`);
  if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}

function seal({ id, thumbprint, publicKey, jwk }: Omit<Signer, 'signText'> & { jwk: JsonWebKey }): void {
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const signText = (text: string): Buffer => sign('sha256', Buffer.from(text), { key, dsaEncoding: 'der' });
  log.append({ type: 'agent.started', version: '1', vault: 'memory', port: 20_000 });
  createCheckpoints({ audit: log, clock: systemClock, log: () => undefined }).begin({ id, thumbprint, publicKey, signText }, 'boot');
}
