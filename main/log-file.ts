/**
 * Where the agent's own log goes: one file, opened when the first line comes. A log that cannot be written must never stop or
 * delay the agent: lines that find no room are counted, and the count is the first line that is written again.
 *
 * pino's own file destination is not used: on a full disk it ends the process, and then waits for room for ever.
 */
import fs from 'node:fs';
import type { DestinationStream } from 'pino';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants;

/** @param file made with 0600 where it is missing; its folder may appear later, until then lines are only counted */
export function logFile(file: string): DestinationStream {
  let fd: number | null = null;
  let lost = 0;
  /** The last write left a part of a line. */
  let torn = false;

  const writeWhole = (text: string): void => {
    fd ??= fs.openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    const bytes = Buffer.from(torn ? `\n${text}` : text, 'utf8');
    for (let written = 0; written < bytes.length; ) {
      written += fs.writeSync(fd, bytes, written);
      torn = written < bytes.length;
    }
  };

  return {
    write(line) {
      try {
        if (lost > 0) writeWhole(`${JSON.stringify({ level: 40, time: new Date().toISOString(), lines: lost, msg: 'log.lost' })}\n`);
        lost = 0;
        writeWhole(line);
      } catch {
        // There is nowhere left to say it; the next line that finds room does.
        lost += 1;
      }
    },
  };
}
