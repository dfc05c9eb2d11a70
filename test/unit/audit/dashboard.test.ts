/**
 * The dashboard that goes with the table. Its form is what the dashboards in databricks/bundle-examples have of it (`*.lvdash.json`); it was
 * never brought into a workspace, so every name is followed to where it comes from instead.
 */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { catalogue } from '../../../main/audit/catalogue.ts';
import { dashboardOf, datasets } from '../../../main/audit/dashboard.ts';
import { columns, usualTable } from '../../../main/audit/table.ts';
import { type DeltaType, readType, wordsOf } from '../../fixtures/workspace/delta-types.ts';

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,60}$/);
const named = { fieldName: name, displayName: z.string().min(1) };
const scaled = z.strictObject({ ...named, scale: z.strictObject({ type: z.enum(['categorical', 'quantitative', 'temporal']) }) });
const several = z.strictObject({
  fields: z.array(z.strictObject(named)).min(2),
  scale: z.strictObject({ type: z.literal('quantitative') }),
});
const frame = z.strictObject({ showTitle: z.literal(true), title: z.string().min(1) });
const column = z.strictObject({
  ...named,
  ...{ title: z.string().min(1), visible: z.literal(true), order: z.int() },
  ...{
    type: z.enum(['string', 'integer', 'datetime']),
    displayAs: z.enum(['string', 'number', 'datetime']),
    alignContent: z.enum(['left', 'right']),
  },
});
const spec = z.discriminatedUnion('widgetType', [
  z.strictObject({
    version: z.literal(2),
    widgetType: z.literal('counter'),
    frame,
    encodings: z.strictObject({ value: z.strictObject(named) }),
  }),
  z.strictObject({
    version: z.literal(1),
    widgetType: z.literal('table'),
    frame,
    encodings: z.strictObject({ columns: z.array(column).min(1) }),
  }),
  z.strictObject({
    ...{ version: z.literal(3), widgetType: z.enum(['bar', 'line']), frame },
    encodings: z.strictObject({ x: scaled, y: z.union([scaled, several]), color: scaled.optional() }),
  }),
]);
const widget = z.strictObject({
  name,
  queries: z.tuple([
    z.strictObject({
      name: z.literal('main_query'),
      query: z.strictObject({
        datasetName: name,
        fields: z.array(z.strictObject({ name, expression: z.string() })).min(1),
        disaggregated: z.literal(true),
      }),
    }),
  ]),
  spec,
});
const position = z.strictObject({ x: z.int().min(0), y: z.int().min(0), width: z.int().min(1), height: z.int().min(1) });
const dashboardSchema = z.strictObject({
  datasets: z.array(z.strictObject({ name, displayName: z.string().min(1), queryLines: z.array(z.string()).min(1) })).min(1),
  pages: z.array(z.strictObject({ name, displayName: z.string().min(1), layout: z.array(z.strictObject({ widget, position })).min(1) })),
});

const dashboard = dashboardSchema.parse(JSON.parse(JSON.stringify(dashboardOf(usualTable))));
const widgets = dashboard.pages.flatMap(({ layout }) => layout.map(({ widget: each }) => each));

/** Every column, and every field of one, by the name SQL knows it by. */
const paths = new Map<string, DeltaType['kind']>();
for (const { name: column, type } of columns) walk(column, readType(wordsOf(type)));
function walk(at: string, type: DeltaType): void {
  paths.set(at, type.kind);
  if (type.kind === 'STRUCT') for (const [field, inner] of type.fields) walk(`${at}.${field}`, inner);
}

const functions = [
  'date_trunc',
  'count',
  'count_if',
  'sum',
  'max',
  'min',
  'max_by',
  'percentile_approx',
  'coalesce',
  'array_join',
  'current_timestamp',
];
const words = [
  'SELECT',
  'FROM',
  'WHERE',
  'AND',
  'IN',
  'IS',
  'NOT',
  'NULL',
  'GROUP',
  'BY',
  'ALL',
  'HAVING',
  'ORDER',
  'LIMIT',
  'DESC',
  'DISTINCT',
];
const more = ['AS', 'CASE', 'WHEN', 'THEN', 'ELSE', 'END', 'INTERVAL', 'DAYS'];
const keywords = new Set([...words, ...more]);

/** What stands in a query and is nowhere to be found: no column, no name of its result, no function or word that is known. */
function strangers(query: string, results: readonly string[]): string[] {
  const view = '`main`.`lakepass`.`audit_once`';
  const bare = query.replace(view, '').replace(/'[^']*'/g, "''");
  const found = [...bare.matchAll(/[A-Za-z_][\w.]*(\s*\()?/g)].map(([word]) => word);
  const wrong = found.filter((word) => {
    if (word.endsWith('(')) return !functions.includes(word.slice(0, -1).trim()) && !keywords.has(word.slice(0, -1).trim());
    return !(keywords.has(word) || paths.has(word) || results.includes(word));
  });
  const odd = bare.replace(/[\w.\s(),=<>+'*[\]-]/g, '');
  return [...wrong, ...odd];
}

describe('the dashboard', () => {
  it('has the four pages', () => {
    expect(dashboard.pages.map(({ displayName }) => displayName)).toEqual([
      'Overview',
      'Access Control',
      'Performance',
      'Identity & Audit',
    ]);
  });

  it('is the one in docs (after a change run `node main/audit/publish-dashboard.ts`)', async () => {
    const published = await readFile(new URL('../../../docs/dashboard/lakepass.lvdash.json', import.meta.url), 'utf8');
    expect(JSON.parse(published)).toEqual(dashboard);
  });

  it('gives every dataset a widget, and every name to one thing', () => {
    const names = dashboard.datasets.map((dataset) => dataset.name);
    expect(new Set(widgets.map(({ queries: [{ query }] }) => query.datasetName))).toEqual(new Set(names));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(widgets.map((each) => each.name)).size).toBe(widgets.length);
  });

  it.each(widgets.map((each) => [each.name, each] as const))(
    'asks in %s only for fields that its dataset has, and shows what it asks for',
    (_, each) => {
      const [{ query }] = each.queries;
      const results = Object.keys(datasets[query.datasetName as keyof typeof datasets].fields);
      const asked = query.fields.map((field) => field.name);
      expect(asked.filter((field) => !results.includes(field))).toEqual([]);
      for (const field of query.fields) expect(field.expression).toBe(`\`${field.name}\``);
      const shown = [...JSON.stringify(each.spec.encodings).matchAll(/"fieldName":"([^"]+)"/g)].map(([, field]) => field);
      expect(shown).toEqual(asked);
    },
  );

  it.each(dashboard.pages.map((page) => [page.displayName, page.layout] as const))(
    'puts nothing of %s on another or beside the canvas',
    (_, layout) => {
      const taken = new Set<string>();
      for (const { position: at } of layout)
        for (let x = at.x; x < at.x + at.width; x += 1)
          for (let y = at.y; y < at.y + at.height; y += 1) {
            expect([x < 6, taken.has(`${x} ${y}`)]).toEqual([true, false]);
            taken.add(`${x} ${y}`);
          }
    },
  );
});

describe('a query', () => {
  const all = dashboard.datasets.map((dataset) => [dataset.name, dataset.queryLines.join('')] as const);

  it.each(all)('of %s names only columns of the table', (dataset, query) => {
    expect(strangers(query, Object.keys(datasets[dataset as keyof typeof datasets].fields))).toEqual([]);
    expect(query).toContain('FROM `main`.`lakepass`.`audit_once`\n');
  });

  it.each(all)('of %s asks for events, outcomes and details that there are', (_, query) => {
    const events = [...query.matchAll(/event_type (?:= |IN \()([^)\n]+?)(?:\)|$|\n| AND)/gm)].flatMap(
      ([, list = '']) => list.match(/'[^']+'/g) ?? [],
    );
    const known = new Set(Object.keys(catalogue));
    expect(events.map((event) => event.slice(1, -1)).filter((event) => !known.has(event))).toEqual([]);
    const outcomes = [...query.matchAll(/status = '(\w+)'/g)].map(([, word]) => word);
    expect(outcomes.filter((word) => !['success', 'error', 'denied', 'info'].includes(word ?? ''))).toEqual([]);
    const details = [...query.matchAll(/details\['(\w+)'\]/g)].map(([, key]) => `"details.${key}"`);
    expect(details.filter((key) => !JSON.stringify(catalogue).includes(key))).toEqual([]);
  });

  it('that names something else is found out', () => {
    expect(strangers('SELECT actor.sub, actor.subject AS a FROM x WHERE tiem > 1 ORDER BY a', ['a'])).toEqual([
      'actor.subject',
      'x',
      'tiem',
    ]);
    expect(strangers('SELECT evil(time); --', [])).toEqual(['evil(', ';']);
  });
});

it('and the queries that join the table with what Databricks logs name only columns of it', async () => {
  const page = await readFile(new URL('../../../docs/telemetry.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/\b(?:ours|minted|served)\.([a-z_][\w.]*)/g)].map(([, column = '']) => column);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((column) => !paths.has(column))).toEqual([]);
});
