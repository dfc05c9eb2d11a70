/** Writes what is made of the table of settings into `deploy/`: `npm run deploy:files`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { deployFiles } from './deploy-files.ts';

const folder = new URL('../../deploy/', import.meta.url);
await mkdir(new URL('en-US/', folder), { recursive: true });
for (const [file, content] of Object.entries(deployFiles())) await writeFile(new URL(file, folder), content);
