import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { configJsonSchema } from '../../../main/profile/config-problems.ts';

it('publishes the JSON Schema of the schema the program uses (after a change: node main/profile/publish-schema.ts)', async () => {
  const published = await readFile(new URL('../../../main/profile/config.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});

it('describes every key of the configuration file', () => {
  const undescribed: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string) => {
    for (const [name, child] of Object.entries((schema.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      const isGroup = 'properties' in child || 'additionalProperties' in child || 'items' in child || 'const' in child;
      if (!isGroup && !child.description) undescribed.push(`${path}.${name}`);
      walk(child, `${path}.${name}`);
    }
    for (const inner of ['additionalProperties', 'items'] as const) {
      const child = schema[inner];
      if (child && typeof child === 'object') walk(child as Record<string, unknown>, `${path}[]`);
    }
  };
  walk(configJsonSchema() as Record<string, unknown>, '');
  expect(undescribed).toEqual([]);
});
