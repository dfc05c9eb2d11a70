/** A process that tries to take the lock when told to, says how it went, and keeps the lock until it is ended. */
import { takeAgentLock } from '../../../main/agent-lock.ts';
import { systemClock } from '../../../main/host-ports.ts';

const [folder] = process.argv.slice(2);
process.stdout.write('ready\n');
process.stdin.once('data', async () => {
  try {
    const lock = await takeAgentLock({ folder: folder ?? '', clock: systemClock });
    process.stdout.write(`won ${lock.instance}\n`);
    process.stdin.once('data', async () => {
      await lock.release();
      process.exit(0);
    });
  } catch (error) {
    const { code, pid } = error as { code?: string; pid?: number };
    process.stdout.write(`lost ${code} ${pid}\n`);
    process.exit(0);
  }
});
