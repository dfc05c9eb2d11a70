/** A process that appends to a log without end and prints the number of each record once `append` has returned. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { openAuditLog } from '../../../main/audit/log.ts';
import { systemClock } from '../../../main/host-ports.ts';

const [folder = '', segmentBytes = '', from = ''] = process.argv.slice(2);
const log = await openAuditLog({
  folder,
  clock: systemClock,
  random: randomBytes,
  log: () => undefined,
  segmentBytes: Number(segmentBytes),
});
for (let n = Number(from); ; n += 1) {
  log.append({ type: 'token.served-again', grant: `g${n}`.padEnd(1 + (n % 400), 'x'), count: n });
  // Synchronous, so that what the parent reads was written after the append and before the death.
  fs.writeSync(1, `${n}\n`);
  if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
