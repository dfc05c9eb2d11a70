/** Stands in for `lakepass env`: tells who it is while it runs, in a file, and prints a variable for the shell to take in. */
import { writeFileSync } from 'node:fs';
import { callerOf } from './proc-caller.ts';

const [file = '', upTo = ''] = process.argv.slice(2);
writeFileSync(file, JSON.stringify(callerOf(process.pid, Number(upTo))));
process.stdout.write('LAKEPASS_TEST=taken-in; export LAKEPASS_TEST\n');
