/**
 * Which user is on the other end of a loopback connection, as the kernel says. It answers about the user only, never about the
 * program, and "nobody can say" (null) is an ordinary answer that must never be read as "ours".
 */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { AppError } from '../app-error.ts';
import { keyOf } from './connection-rows.ts';
import type { Batch, BatchAnswer } from './peer-uid-worker.ts';

export interface PeerUid {
  /**
   * The uid that owns the other end of a connection from 127.0.0.1 to 127.0.0.1; null when the system cannot say (the peer has
   * gone, its socket has no owner, the table cannot be read). Look-ups that wait are answered together.
   */
  lookup(peer: { localPort: number; remotePort: number }): Promise<number | null>;
  close(): Promise<void>;
}

interface Waiting {
  key: number;
  /** A connection may be younger than the pass that looks for it: an absent row is sought once more. */
  lastTry: boolean;
  resolve: (uid: number | null) => void;
}

/**
 * @param worker the thread's file; by default the one beside this file, or beside the bundle this file was made part of
 * @throws AppError PLATFORM_UNSUPPORTED: not Linux
 */
export function createPeerUid({ worker: workerFile = besideUs() }: { worker?: URL } = {}): PeerUid {
  if (process.platform !== 'linux') throw new AppError('PLATFORM_UNSUPPORTED');
  let next: Waiting[] = [];
  let asked: Waiting[] = [];
  let worker: Worker | undefined;
  let closed = false;

  function ask(): void {
    if (asked.length > 0 || next.length === 0) return;
    asked = next;
    next = [];
    try {
      worker ??= startWorker();
    } catch {
      // The system has no thread left for us. Whoever waits is told that nobody can say; the next one tries again.
      giveUp();
      return;
    }
    worker.postMessage({ keys: asked.map(({ key }) => key) } satisfies Batch);
  }

  function settle({ owners }: BatchAnswer): void {
    for (const [index, waiting] of asked.entries()) {
      const owner = owners[index];
      if (owner !== undefined || waiting.lastTry) waiting.resolve(owner ?? null);
      else next.push({ ...waiting, lastTry: true });
    }
    asked = [];
    ask();
  }

  function startWorker(): Worker {
    // No flags of ours: a test runner's loader has no business in this thread.
    const started = new Worker(workerFile, { execArgv: [], name: 'peer-uid' });
    started.on('message', settle);
    // An error ends the thread; 'exit' follows and is where the waiting are told.
    started.on('error', () => undefined);
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      giveUp();
    });
    started.unref();
    return started;
  }

  function giveUp(): void {
    const abandoned = [...asked, ...next];
    asked = [];
    next = [];
    for (const { resolve } of abandoned) resolve(null);
  }

  return {
    lookup({ localPort, remotePort }) {
      if (closed) return Promise.resolve(null);
      return new Promise((resolve) => {
        next.push({ key: keyOf({ ourPort: localPort, peerPort: remotePort }), lastTry: false, resolve });
        ask();
      });
    },
    async close() {
      closed = true;
      await worker?.terminate();
      giveUp();
    },
  };
}

/** From source the thread's file is TypeScript beside this one; a bundler puts it beside the bundle under its built name. */
function besideUs(): URL {
  const candidates = ['./peer-uid-worker.ts', './peer-uid-worker.mjs'].map((name) => new URL(name, import.meta.url));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) throw new Error('the peer-uid worker is not part of this build');
  return found;
}
