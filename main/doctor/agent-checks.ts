/** The agent itself: that it runs, that others cannot speak in its place, and that what it writes is there. */
import { access, constants, lstat, statfs } from 'node:fs/promises';
import { hasCode } from '../app-error.ts';
import { ms } from '../units.ts';
import { bad, type Check, type Found, foundFailure, good, unknown, weak } from './check.ts';
import { lengthInWords } from './words.ts';

const agentRuns: Check = {
  id: 'agent',
  title: 'The agent',
  look({ now, status }) {
    const how = status.host === 'desktop' ? 'as the desktop app' : 'without a window';
    return good(`Lakepass ${status.version} has run ${how} for ${lengthInWords(ms(now - Date.parse(status.startedAt)))}.`);
  },
};

const controlSocket: Check = {
  id: 'control-socket',
  title: 'The socket of the command line',
  async look({ isRuntimeOwn, socket }) {
    const restart = 'Stop the agent (`lakepass agent --stop`, or quit the app) and start it again.';
    try {
      if (!(await isRuntimeOwn()))
        return bad('The folder of the socket is gone, so the command line finds no agent.', restart, 'AGENT_NOT_RUNNING');
    } catch (error) {
      if (hasCode(error, 'RUNTIME_UNSAFE')) return foundFailure('bad', error.toFailure());
      throw error;
    }
    const isThere = await lstat(socket).then(
      (found) => found.isSocket(),
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? false : Promise.reject(error)),
    );
    if (!isThere) return bad('The socket is gone, so the command line finds no agent.', restart, 'AGENT_NOT_RUNNING');
    return good('It is there, in a folder that is yours alone.');
  },
};

const brokerPort: Check = {
  id: 'broker-port',
  title: 'The port that programs ask at',
  look({ portMoved, status: { port } }) {
    if (!portMoved) return good(`Port ${port}, on this machine alone; it stays the same from start to start.`);
    return weak(
      `Another program held the port of before, so it is ${port} now, and the grants made there were ended.`,
      'Make new grants; shells that still hold old variables need `lakepass env` again.',
      'PORT_TAKEN',
    );
  },
};

const MIB = 1024 * 1024;
/** Below the first no token may leave for long, below the second a person should know. */
const room = { least: 1, enough: 64 } as const;

const auditWritable: Check = {
  id: 'audit-log',
  title: 'The audit log',
  async look({ auditFolder, auditSynced }) {
    try {
      await auditSynced();
    } catch (error) {
      if (hasCode(error, 'AUDIT_UNWRITABLE')) return foundFailure('bad', error.toFailure());
      throw error;
    }
    const isWritable = await access(auditFolder, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    const mend = 'Free some space or mend the permissions, then try again.';
    if (!isWritable) return bad('Its folder cannot be written, so no token is handed out.', mend, 'AUDIT_UNWRITABLE');
    const { bavail, bsize } = await statfs(auditFolder);
    const free = Math.floor((bavail * bsize) / MIB);
    if (free < room.least) return bad('The disk is full, so no token can be recorded and none is handed out.', mend, 'AUDIT_UNWRITABLE');
    if (free < room.enough) return weak(`It can be written, and the disk has ${free} MiB left.`, 'Free some space.', 'DISK_FULL');
    return good('It can be written, and what was written is on the disk.');
  },
};

const auditWhole: Check = {
  id: 'audit-verified',
  title: 'The chain of the audit log',
  look({ auditVerified, now }): Found {
    if (auditVerified === null)
      return unknown('It was not checked since the agent started.', 'Verify it under Activity, or run `lakepass audit verify`.');
    const { isWhole, records, at } = auditVerified;
    const when = `${lengthInWords(ms(now - at))} ago`;
    if (isWhole) return good(`The chain of ${records} ${records === 1 ? 'record' : 'records'} held when it was checked ${when}.`);
    return bad(
      `It did not verify when it was checked ${when}.`,
      'Keep the files as they are and show them to your security team; Activity says which lines it is about.',
      'AUDIT_BROKEN',
    );
  },
};

/** NTP slews small offsets; what is more than this was a step. */
const STEP_MS = 2000;

const clockSteps: Check = {
  id: 'clock',
  title: 'The clock of this machine',
  look({ clockDrift, auditVerified, status }) {
    const next = 'Let the system set its clock over the network, and look at it again.';
    const workspaces = status.profiles.flatMap((profile) => profile.workspaces);
    if (workspaces.some(({ health }) => health === 'CLOCK_SKEW'))
      return bad('A server finds that it differs too much from its own.', next, 'CLOCK_SKEW');
    if (clockDrift < -STEP_MS)
      return weak(`It was set back by ${lengthInWords(ms(-clockDrift))} or more since the agent started.`, next, 'CLOCK_SKEW');
    if (auditVerified?.clockWentBack === true) return weak('The audit log shows that it was set back at some time.', next, 'CLOCK_SKEW');
    if (clockDrift > STEP_MS)
      return good(`It went ${lengthInWords(clockDrift)} further than the agent has run: the machine slept, or the clock was set forward.`);
    return good('It was not set back since the agent started.');
  },
};

export const agentChecks: readonly Check[] = [agentRuns, controlSocket, brokerPort, auditWritable, auditWhole, clockSteps];
