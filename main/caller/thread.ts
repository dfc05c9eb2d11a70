/**
 * The one thread that looks at sockets and processes, seen from the doors: questions that wait go to it together. Whatever becomes
 * of the thread, everybody is answered, if only with "nobody can say".
 */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { AppError } from '../app-error.ts';
import type { Batch, BatchAnswer } from './caller-worker.ts';
import type { Finding, LookoutParts, Question } from './lookout.ts';

export interface CallerThread {
  /** Never rejects. */
  ask(question: Question): Promise<Finding>;
  close(): Promise<void>;
}

interface Waiting {
  question: Question;
  /** A connection may be younger than the pass that looks for it: an absent row is sought once more. */
  lastTry: boolean;
  resolve: (finding: Finding) => void;
}

/** Questions on one lane wait for each other; a look at every process must not keep new connections waiting. */
interface Lane {
  next: Waiting[];
  asked: Waiting[];
}

const nobody: Finding = { uid: null, seen: [] };

/**
 * @param parts.worker the thread's file; by default the one beside this file, or beside the bundle this file was made part of
 * @param parts.proc where the proc file system is mounted
 * @param parts.uid whose processes may be looked at; by default our own
 * @throws AppError PLATFORM_UNSUPPORTED: not Linux
 */
export function createCallerThread(parts: { worker?: URL } & Partial<LookoutParts> = {}): CallerThread {
  if (process.platform !== 'linux') throw new AppError('PLATFORM_UNSUPPORTED');
  const workerFile = parts.worker ?? besideUs();
  const workerData: LookoutParts = { proc: parts.proc ?? '/proc', uid: parts.uid ?? process.getuid?.() ?? -1 };
  const lanes: Record<string, Lane> = { connections: { next: [], asked: [] }, holders: { next: [], asked: [] } };
  let worker: Worker | undefined;
  let closed = false;

  function send(name: string, lane: Lane): void {
    if (lane.asked.length > 0 || lane.next.length === 0) return;
    lane.asked = lane.next;
    lane.next = [];
    try {
      worker ??= startWorker();
    } catch {
      // The system has no thread left for us. Whoever waits is told that nobody can say; the next one tries again.
      giveUp();
      return;
    }
    worker.postMessage({ lane: name, questions: lane.asked.map(({ question }) => question) } satisfies Batch);
  }

  function settle({ lane: name, findings }: BatchAnswer): void {
    const lane = lanes[name];
    if (lane === undefined) return;
    for (const [index, waiting] of lane.asked.entries()) {
      const finding = findings[index] ?? nobody;
      if (finding.uid !== undefined || waiting.lastTry) waiting.resolve(finding);
      else lane.next.push({ ...waiting, lastTry: true });
    }
    lane.asked = [];
    send(name, lane);
  }

  function startWorker(): Worker {
    // No flags of ours: a test runner's loader has no business in this thread.
    const started = new Worker(workerFile, { execArgv: [], name: 'callers', workerData });
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
    const abandoned = Object.values(lanes).flatMap(({ asked, next }) => [...asked, ...next]);
    for (const lane of Object.values(lanes)) Object.assign(lane, { asked: [], next: [] } satisfies Lane);
    for (const { resolve } of abandoned) resolve(nobody);
  }

  return {
    ask(question) {
      if (closed) return Promise.resolve(nobody);
      const name = question.about === 'holders' ? 'holders' : 'connections';
      const lane = lanes[name] as Lane;
      return new Promise((resolve) => {
        lane.next.push({ question, lastTry: false, resolve });
        send(name, lane);
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
  const candidates = ['./caller-worker.ts', './caller-worker.mjs'].map((name) => new URL(name, import.meta.url));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) throw new Error('the thread that looks at callers is not part of this build');
  return found;
}
