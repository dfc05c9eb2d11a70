/** Writes `docs/audit-events.md` from the tables the program uses: `node main/audit/publish-catalogue.ts`. */
import { writeFile } from 'node:fs/promises';
import { catalogueDocument } from './catalogue-document.ts';

await writeFile(new URL('../../docs/audit-events.md', import.meta.url), catalogueDocument());
