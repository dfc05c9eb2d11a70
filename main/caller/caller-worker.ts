/**
 * The thread that looks at sockets and processes, so that the doors go on answering meanwhile: a pass through the socket table
 * costs the kernel a walk through its whole hash table, and a look at every process tens of milliseconds. It never leaves a batch
 * unanswered: an error ends the thread, which whoever waits is told.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createLookout, type Finding, type LookoutParts, type Question } from './lookout.ts';

export interface Batch {
  lane: string;
  questions: Question[];
}

export interface BatchAnswer {
  lane: string;
  /** One for each question. */
  findings: Finding[];
}

const lookout = createLookout(workerData as LookoutParts);

parentPort?.on('message', async ({ lane, questions }: Batch) =>
  parentPort?.postMessage({ lane, findings: await lookout.answer(questions) } satisfies BatchAnswer),
);
