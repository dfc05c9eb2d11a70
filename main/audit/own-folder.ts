/** The folder of the log: made for the user alone, or shown to be so. Nothing is mended here. */
import fs from 'node:fs';
import { AppError } from '../app-error.ts';

/** @throws AppError AUDIT_UNWRITABLE, reason `folder`: a link, another user's, or open to others */
export function ownFolder(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = fs.lstatSync(folder);
  const fix = { reason: 'folder', detail: `${folder} must be a folder of your own that others cannot enter (chmod 700).` };
  // check: audit-folder-owner
  if (process.getuid && found.uid !== process.getuid()) throw new AppError('AUDIT_UNWRITABLE', fix);
  // end check
  // check: audit-folder-mode
  if (!found.isDirectory() || (found.mode & 0o077) !== 0) throw new AppError('AUDIT_UNWRITABLE', fix);
  // end check
}
