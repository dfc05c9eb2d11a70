/** Writes `config.schema.json` beside this file from the schema the program uses: `node main/profile/publish-schema.ts`. */
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from './config-problems.ts';

await writeFile(new URL('config.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
