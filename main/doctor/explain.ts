/**
 * What a pasted error means: the row of the table that fits best, or one of our own codes. Nothing of the text is repeated but words that we
 * know ourselves: codes of failures and names of scopes. A token in it is recognised, and never shown, kept or sent.
 */
import { failureCodes, failureTexts } from '../../preload/contract/failure.ts';
import { AppError } from '../app-error.ts';
import { explanations, type Row } from './explanations.ts';
import { holdsSecret } from './secret-shapes.ts';

/** Real errors have some hundred characters; a traceback has thousands. */
export const LARGEST_PASTE = 64 * 1024;

export interface Explained {
  /** Id of the row, one of our codes, or null: nothing is known of it. */
  id: string | null;
  sentence: string;
  next: string;
  /** Where the text was seen before. */
  source: string | null;
  /** The text holds what looks like a token; what to do about that. */
  warning: string | null;
  /** Scopes that the text asks for, as far as we know their names. */
  scopes: readonly string[];
}

export interface ExplainParts {
  /** Names of scopes that may be repeated. */
  scopes: readonly string[];
  /** Of the grant that somebody asks about. */
  held?: { id: string; scopes: readonly string[] };
}

const rotate =
  'The text holds what looks like a token or a secret. Nothing of it was kept. Revoke it where it was made, and make a new one.';

/**
 * @param text at most 64 KiB; whoever wrote it may have meant harm
 * @throws AppError INPUT_INVALID: reason 'size' (too long) or 'empty'
 */
export function explain(text: string, { scopes, held }: ExplainParts): Explained {
  // check: explain-size
  if (Buffer.byteLength(text) > LARGEST_PASTE)
    throw new AppError('INPUT_INVALID', { reason: 'size', detail: 'Paste the lines around the error alone, 64 KiB at most.' });
  // end check
  if (text.trim() === '')
    throw new AppError('INPUT_INVALID', { reason: 'empty', detail: 'Paste the error, or send it on standard input.' });
  let warning: string | null = null;
  // check: explain-secret-seen
  if (holdsSecret(text)) warning = rotate;
  // end check
  const small = text.toLowerCase();
  const wanted = wantedScopes(small, scopes);
  const own = ownCode(text);
  if (own !== undefined) return { ...own, warning, scopes: wanted };
  const row = bestRow(small);
  if (row === undefined) return { ...nothingKnown, warning, scopes: wanted };
  const { id, sentence, next, source } = row;
  return { id, sentence, next: nextFor(row, wanted, held) ?? next, source, warning, scopes: wanted };
}

const nothingKnown = {
  id: null,
  sentence: 'Nothing is known about this text.',
  next: 'Run `lakepass doctor`; if all is well there, show the text to whoever looks after the program.',
  source: null,
} as const;

/** A refusal of ours carries its code, which says more than anything around it. */
function ownCode(text: string): Pick<Explained, 'id' | 'sentence' | 'next' | 'source'> | undefined {
  const words = new Set(text.match(/[A-Z][A-Z_]{2,60}/g) ?? []);
  const code = failureCodes.find((known) => words.has(known));
  if (code === undefined || !/"code"|\[[A-Z]|lakepass/i.test(text)) return undefined;
  const { cause, next } = failureTexts[code];
  return { id: code, sentence: cause, next, source: 'Lakepass' };
}

function bestRow(small: string): Row | undefined {
  let best: { row: Row; letters: number } | undefined;
  for (const row of explanations) {
    for (const pieces of row.has) {
      if (!pieces.every((piece) => small.includes(piece))) continue;
      const letters = pieces.reduce((sum, piece) => sum + piece.length, 0);
      if (best === undefined || letters > best.letters) best = { row, letters };
    }
  }
  return best?.row;
}

const asking = 'required scopes:';

/** The names behind "required scopes:", those alone that we know. */
function wantedScopes(small: string, known: readonly string[]): string[] {
  const at = small.indexOf(asking);
  if (at < 0) return [];
  const words = small.slice(at + asking.length, at + asking.length + 500).match(/[a-z][a-z0-9.:-]{0,60}/g) ?? [];
  const scopes = new Set(known);
  const found: string[] = [];
  for (const word of words.map((each) => each.replace(/[.:]+$/, ''))) {
    if (!scopes.has(word)) break;
    if (!found.includes(word)) found.push(word);
  }
  return found;
}

/** A missing scope, as the command that adds it. */
function nextFor({ id }: Row, wanted: readonly string[], held: ExplainParts['held']): string | undefined {
  if (!id.startsWith('api-scope') || id === 'api-scope-pat' || wanted.length === 0) return undefined;
  if (held === undefined) return `Add it: \`lakepass grants add ID ${wanted.join(' ')}\`, with the id from \`lakepass grants\`.`;
  const missing = wanted.filter((scope) => !held.scopes.includes(scope) && !held.scopes.includes('all-apis'));
  if (missing.length === 0) return `The grant ${held.id} has it by now: let the program run again, so that it takes a new token.`;
  return `Add it: \`lakepass grants add ${held.id} ${missing.join(' ')}\`, and approve the request.`;
}
