/**
 * What runs when somebody types `lakepass`. Without an `await` of its own: as one executable it is a CommonJS script, which has none at
 * the top.
 */
import { buildProgram } from './program.ts';

async function main(): Promise<void> {
  await buildProgram().parseAsync();
}

void main();
