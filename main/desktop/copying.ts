/** What a page may put on the clipboard: shell lines and snippets. Every program of the person's reads the clipboard, so nothing secret goes there. */
import type { Clipboard } from 'electron';
import { AppError } from '../app-error.ts';

/** What tokens look like: JWTs, Databricks tokens, and the last part of a grant URL. */
const secretShapes = /\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?|\b(?:dapi|dose|doss|dkea)[0-9a-f]{16,}|\/v1\/metadata\/[\w-]{16,}/i;

/** @throws AppError INPUT_INVALID (reason secret): the text looks like a token or a grant URL; nothing was copied */
export async function copyText(clipboard: Pick<Clipboard, 'writeText'>, text: string): Promise<void> {
  // check: copy-no-secret
  if (secretShapes.test(text)) throw new AppError('INPUT_INVALID', { reason: 'secret' });
  // end check
  await clipboard.writeText(text);
}
