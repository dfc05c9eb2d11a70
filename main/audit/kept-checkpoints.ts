/**
 * Checkpoints that were kept elsewhere, read from a file: notes one after the other, or what a collector or table received, as JSON lines.
 * Nothing is proven here; `verify-seals.ts` checks their signatures and compares them with the log.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';

export interface KeptCheckpoint {
  checkpoint: Checkpoint;
  place: { file: string; line: number };
}

/** A record of the log as it is, or as it leaves the device. */
const lineSchema = z.union([
  z.object({ checkpoint: z.object({ note: z.string() }) }),
  z.object({ type: z.literal('audit.checkpoint'), note: z.string() }),
]);
const noteIn = (line: string): string | null => {
  const said = lineSchema.safeParse(JSON.parse(line));
  if (!said.success) return null;
  return 'checkpoint' in said.data ? said.data.checkpoint.note : said.data.note;
};

/**
 * @param file its name, for what is said of it
 * @throws AppError INPUT_INVALID (reason `checkpoints`): a part of it is neither, or it holds no checkpoint
 */
export function readKeptCheckpoints(text: string, file: string): KeptCheckpoint[] {
  const notes = text.trimStart().startsWith('{') ? jsonNotes(text, file) : plainNotes(text);
  const kept = notes.map(({ note, line }) => {
    const checkpoint = parseCheckpoint(note);
    if (checkpoint === null) throw refused(file, line);
    return { checkpoint, place: { file, line } };
  });
  if (kept.length === 0) throw refused(file, 0);
  return kept;
}

const refused = (file: string, line: number): AppError =>
  new AppError('INPUT_INVALID', {
    reason: 'checkpoints',
    detail: `${file}${line === 0 ? '' : `:${line}`} holds no checkpoint: give signed notes one after the other, or JSON lines as they were sent.`,
  });

/** Lines about anything else are passed over. */
function jsonNotes(text: string, file: string): { note: string; line: number }[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const note = noteIn(line);
      return note === null ? [] : [{ note, line: index + 1 }];
    } catch {
      throw refused(file, index + 1);
    }
  });
}

/** A note ends with its last signature. Empty lines between two are of neither. */
function plainNotes(text: string): { note: string; line: number }[] {
  const found: { lines: string[]; line: number; isSigned: boolean }[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const current = found.at(-1);
    const isSignature = line.startsWith('— ');
    if (current === undefined || (current.isSigned && !isSignature)) {
      if (line !== '') found.push({ lines: [line], line: index + 1, isSigned: false });
      continue;
    }
    current.lines.push(line);
    current.isSigned ||= isSignature;
  }
  return found.map(({ lines, line }) => ({ note: `${lines.join('\n')}\n`, line }));
}
