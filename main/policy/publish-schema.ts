/** Writes `policy.schema.json` beside this file from the schema the program uses: `node main/policy/publish-schema.ts`. */
import { writeFile } from 'node:fs/promises';
import { policyJsonSchema } from './schema.ts';

await writeFile(new URL('policy.schema.json', import.meta.url), `${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
