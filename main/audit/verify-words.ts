/** What a verification says to people: a sentence for each problem and note, and what is proven by it and what is not. */
import path from 'node:path';
import type { AuditNote, AuditProblem, Verification } from './verify.ts';

/** A sentence per problem, for people. */
export const problemTexts: Record<AuditProblem, string> = {
  malformed: 'not a record',
  'hash-wrong': 'changed after it was written',
  'not-canonical': 'not written by Lakepass in this form',
  'chain-broken': 'does not follow the record before it',
  'seq-wrong': 'the numbering has a gap or a repetition',
  'too-long': 'longer than any record',
  unfinished: 'the last record is incomplete',
  'segment-missing': 'this part of the log is missing',
  'nothing-here': 'there is no audit log here',
  'checkpoint-malformed': 'a checkpoint or its key is not written as Lakepass writes it',
  'checkpoint-forged': 'the signature of this checkpoint does not hold: it, or what it covers, was written anew',
  'checkpoint-wrong': 'this checkpoint is of other records than those before it: they were written anew',
  'checkpoint-other-key': 'from here on checkpoints are by a key that is not known: somebody else may have written them',
  'checkpoint-missing': 'from here on a checkpoint is missing: it should have come after 60 s or 256 records',
  'never-sealed': 'no checkpoint here is by the key that was given: the log is another one, or was written anew',
  'found-rewritten': 'Lakepass found here that the log before was not the one it had sealed: it was cut or written anew',
  'memory-lost':
    'what Lakepass had sealed last was no longer known here, as when somebody takes it away so that a cut before this start is not found',
  rewritten: 'this checkpoint, kept elsewhere, is of another record: the log was written anew since',
  'cut-off': 'a checkpoint kept elsewhere covers more records than there are: the end was cut off',
  'kept-forged': 'this checkpoint, kept elsewhere, bears the name of this log but no signature of its key',
  'kept-of-others': 'none of the checkpoints kept elsewhere is of this log, as its keys show it',
  unreadable: 'cannot be read',
};

export const noteTexts: Record<AuditNote, string> = {
  'clock-went-back': 'the clock was set back here',
  repaired: 'a record that a crash cut short was removed before this one',
  gap: 'records are missing before this one: the log could not be written',
  'went-on': 'the disk was full here, and what was done meanwhile was not recorded, as the company has it',
  'end-not-sealed':
    'the run before this one ended without its last checkpoint, as in a crash; what it left unsealed was sealed by this one',
  'clock-moved': 'the clock was set since the checkpoint before: it does not fit the time the machine was on',
  'key-changed': 'another key signs from here on, as after a reset',
  'other-key-before': 'up to the first checkpoint by the key that was given, another key signed, as before a reset',
  'break-recorded': 'the segment before this one was found damaged, and says so',
  'start-not-proven': 'this is not the first segment, so what it follows was not checked',
};

/** Where a problem is, as `audit-000001.jsonl:12`. */
export const problemPlace = (problem: { file: string; line: number }): string =>
  problem.line === 0 ? path.basename(problem.file) : `${path.basename(problem.file)}:${problem.line}`;

/**
 * What a verification proves, and what it cannot prove; each a sentence.
 *
 * Nothing is proven by a log that does not verify.
 */
export function proofOf(verification: Verification): { proven: string[]; cannotProve: string[] } {
  const { ok, first, last, seals } = verification;
  const cannotProve = limitsOf(verification);
  if (!ok || first === null || last === null) return { proven: [], cannotProve };
  const proven = [
    `Records ${first.seq} to ${last.seq} are whole: none was changed, removed, repeated or moved by accident or by a plain edit.`,
  ];
  if (seals.sealed !== null) {
    const by = seals.keys.map(({ id }) => id).join(', ');
    const whose = seals.keysFrom === 'given' ? 'the key that was given' : 'the key that the log itself names';
    proven.push(
      `Records ${first.seq} to ${seals.sealed.size} were so when ${whose} (${by}) sealed them, the last at ${seals.sealed.at}: ${seals.checkpoints} checkpoints hold.`,
    );
  }
  if (seals.kept !== null && seals.kept.through !== null)
    proven.push(
      `Records ${first.seq} to ${seals.kept.through} are those of the checkpoints kept elsewhere (${seals.kept.compared} compared): up to there nothing was cut off or written anew since they were kept, by whomever.`,
    );
  return { proven, cannotProve };
}

function limitsOf({ notes, first, last, seals }: Verification): string[] {
  const limits: string[] = [];
  const through = seals.kept?.through ?? null;
  if (notes.some(({ note }) => note === 'start-not-proven'))
    limits.push('What came before the first record here: the segments before were not given.');
  if (seals.checkpoints === 0)
    limits.push(
      'That nobody who can write the files wrote all of it anew: there is no checkpoint that holds, and the chain alone detects corruption.',
    );
  else if (seals.keysFrom === 'log')
    limits.push(
      'Whose key it is: whoever writes the log anew can name a key of their own in it. Give the public key that was noted elsewhere (`lakepass audit key`, `--key`).',
    );
  if (seals.unsealed > 0 && seals.checkpoints > 0)
    limits.push(
      `The newest records, ${(last?.seq ?? 0) - seals.unsealed + 1} to ${last?.seq}: no checkpoint covers them yet, so whoever can write the files can change them.`,
    );
  if (through === null || last === null || through < last.seq)
    limits.push(
      through === null
        ? 'That nothing was cut off at the end: compare checkpoints that were kept elsewhere (`--checkpoints`), or the newest number noted there.'
        : `That nothing was cut off after record ${through}, the newest that a checkpoint kept elsewhere covers.`,
    );
  if (seals.checkpoints > 0)
    limits.push(
      `That nobody wrote it anew, or cut it off before a start of Lakepass${through === null ? '' : `, after record ${through}`}: whoever has the device key can, and so can a program with your rights that reads the keychain or brings back older files of the vault. Only checkpoints kept elsewhere show that.`,
    );
  if (notes.some(({ note }) => note === 'end-not-sealed'))
    limits.push(
      'What the runs that ended without their last checkpoint wrote after the one before: until the next start, anybody with your rights could cut it off.',
    );
  if (notes.some(({ note }) => note === 'other-key-before'))
    limits.push('Whose the checkpoints by the other key are: give that key too, if it was noted.');
  if ((seals.kept?.ofOthers ?? 0) > 0)
    limits.push(
      `What ${seals.kept?.ofOthers} of the checkpoints kept elsewhere say: they name other devices. A device that was reset is another one, too: give its former key as well, if it was noted.`,
    );
  if (first !== null) limits.push('What time it was: all times are those of the device’s own clock.', 'What was never written.');
  return limits;
}
