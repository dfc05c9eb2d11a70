/**
 * How many acts went on without a record while the disk was full, in a file whose room was taken before: the number is written over the one
 * that stood there, which a full disk does not refuse, and so it outlives the agent. Nothing else is ever written there.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Log } from '../ports.ts';
import { systemErrorOf } from './unwritable.ts';

/** Digits of the number. */
const DIGITS = 16;
const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;

export interface WentOn {
  /** What an agent before this one could not say any more. */
  readonly before: number;
  /** Takes the room, once; while there is some. */
  prepare(): void;
  /** Without the room the number is known to this process alone. */
  keep(count: number): void;
  close(): void;
}

export function openWentOn(folder: string, log: Log): WentOn {
  const file = path.join(folder, 'went-on');
  let fd: number | null = null;
  let isSaid = false;

  function open(flags: number): void {
    fd = fs.openSync(file, flags | O_NOFOLLOW, 0o600);
  }

  function trying(act: () => void): void {
    try {
      act();
    } catch (error) {
      const system = systemErrorOf(error);
      if (system === undefined) throw error;
      if (system === 'ENOENT' || isSaid) return;
      isSaid = true;
      log('audit.count-unkept', { error: system });
    }
  }

  function read(): number {
    if (fd === null) return 0;
    const bytes = Buffer.alloc(DIGITS);
    const text = bytes.toString('latin1', 0, fs.readSync(fd, bytes, 0, DIGITS, 0));
    return /^\d{16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : 0;
  }

  const write = (count: number): void => {
    if (fd !== null) fs.writeSync(fd, String(count).padStart(DIGITS, '0'), 0);
  };

  let before = 0;
  trying(() => {
    open(O_RDWR);
    before = read();
  });
  return {
    before,
    prepare() {
      if (fd !== null) return;
      trying(() => {
        open(O_RDWR | O_CREAT);
        write(0);
      });
    },
    keep: (count) => trying(() => write(count)),
    close() {
      if (fd !== null) fs.closeSync(fd);
      fd = null;
    },
  };
}
