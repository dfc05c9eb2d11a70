/** What the verbs of `lakepass policy` do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../app-error.ts';
import { builtInPolicy } from '../policy/built-in.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load-policy.ts';
import { suggestPolicy } from '../policy/suggest.ts';
import { readUsageRecords, usageFrom } from '../policy/usage.ts';
import { placesOf } from './common.ts';
import { type Asked, questionFrom } from './policy-question.ts';
import { decisionText } from './policy-text.ts';
import { exitCodeOf, exitCodes, printJson, printLine } from './report.ts';
import type { Options } from './verbs/policy.ts';

const BUILT_IN = 'built-in';

export async function check(file: string, options: Options): Promise<void> {
  const policy = await readPolicy(file);
  const { id, revision, mode, managedBy, expires, hash, counts, warnings } = policy;
  const until = expires === null ? null : new Date(expires).toISOString();
  const isOver = expires !== null && expires <= Date.now();
  if (options.json === true) return printJson({ id, revision, mode, managedBy, expires: until, hash, counts, warnings });
  printLine(`Policy "${id}", revision ${revision}${managedBy === null ? '' : `, by ${managedBy}`}: it can be used.`);
  printLine(`  ${counts.grants} grants, ${counts.denials} denials; ${counts.tests} tests pass.`);
  if (counts.tests === 0)
    printLine('  It has no tests of its own: `tests:` in the file keeps a later change from giving more than was meant.');
  if (until !== null) printLine(`  It ${isOver ? 'ended' : 'holds until'} ${until}.`);
  for (const warning of warnings) printLine(`  Note: ${warning}`);
}

/** @throws AppError POLICY_INVALID, as `loadPolicy`; reason 'unreadable' where there is no such file */
async function readPolicy(file: string): Promise<LoadedPolicy> {
  if (file === BUILT_IN) return builtInPolicy();
  return loadPolicy(await readBytes(file), file);
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new AppError('POLICY_INVALID', { reason: 'unreadable', detail: `${file} cannot be read (${why}).`, cause: error });
  }
}

export async function explain(file: string, options: Asked): Promise<void> {
  const policy = await readPolicy(file);
  const question = questionFrom(options, Date.now());
  const decision = policy.evaluate(question);
  process.exitCode = decision.code === null ? exitCodes.done : exitCodeOf(new AppError(decision.code).toFailure());
  if (options.json === true)
    return printJson({ policy: { id: policy.id, revision: policy.revision, hash: policy.hash }, question, decision });
  printLine(decisionText(decision, question));
}

export async function suggest(options: Options): Promise<void> {
  const path = options.from ?? join(placesOf(options).state, 'audit');
  const usage = usageFrom(await recordsIn(path));
  const text = suggestPolicy(usage);
  // What is suggested holds together, or nothing is suggested.
  const policy = loadPolicy(Buffer.from(text), 'the suggested policy');
  if (options.json === true) return printJson({ policy: text, counts: policy.counts, uses: usage.used.length, leftOut: usage.leftOut });
  printLine(text.trimEnd());
}

async function recordsIn(path: string) {
  try {
    return await readUsageRecords(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new AppError('INPUT_INVALID', { reason: 'from', detail: `${path} cannot be read (${why}).`, cause: error });
  }
}
