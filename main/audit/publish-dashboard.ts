/** Writes `docs/dashboard/lakepass.lvdash.json` from the tables the program uses: `node main/audit/publish-dashboard.ts`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dashboardOf } from './dashboard.ts';
import { usualTable } from './table.ts';

const folder = new URL('../../docs/dashboard/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL('lakepass.lvdash.json', folder), `${JSON.stringify(dashboardOf(usualTable), null, 2)}\n`);
