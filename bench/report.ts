/** The rows as people read them. */
import { times } from './numbers.ts';
import type { Row } from './row.ts';

const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const verdict = ({ met }: Row): string => (met === null ? 'not in this version' : met ? 'met' : 'MISSED');

function figures(row: Row): string {
  const ratios = (['rps', 'p50', 'p99', 'cpu'] as const).flatMap((name) => {
    const ratio = row[`ratio_${name}`];
    return ratio === null ? [] : [`${name === 'rps' ? 'req/s' : name === 'cpu' ? 'CPU' : name} ${times(ratio)}`];
  });
  return [...ratios, ...(row.delta_ms === null ? [] : [`+${row.delta_ms.toFixed(2)} ms`])].join('  ');
}

export function printRow(row: Row): void {
  say();
  say(`${row.name}: ${verdict(row)}`);
  if (row.met !== null && figures(row) !== '') say(`  ${figures(row)}`);
  say(`  budget: ${row.budget}${row.baseline === '' ? '' : `; baseline: ${row.baseline}`}`);
  for (const note of row.notes) say(`  ${note}`);
}

export function printSummary(rows: readonly Row[], isRough: boolean): void {
  const measured = rows.filter(({ met }) => met !== null);
  const missed = measured.filter(({ met }) => met === false);
  say();
  say(`${measured.length - missed.length} of ${measured.length} budgets met${isRough ? ' (a quick run: its figures are rough)' : ''}`);
  for (const { name } of missed) say(`  MISSED: ${name}`);
}
