/** What was sent, field by field, with words for each. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { catalogue, type Row, roadOf } from '../../../main/audit/catalogue.ts';
import { envelopeOf, envelopeSchema } from '../../../main/audit/envelope.ts';
import { fieldWords, sentFields } from '../../../main/audit/field-words.ts';
import { eventShapes } from '../../../main/audit/fields.ts';
import { sentFieldSchema } from '../../../preload/contract/audit.ts';
import { eventTypes, sampleRecord } from './sample-records.ts';

const device = { hostId: 'd0c1', version: '1.2.3' };

/** Names of all that the schema has, those of the groups written out. */
function namesIn(schema: { properties?: object }, group = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, each]: [string, { properties?: object }]) =>
    each.properties === undefined ? [`${group}${name}`] : namesIn(each, `${group}${name}.`),
  );
}

it('has words for every field that the schema and the catalogue know, and for no other', () => {
  const ofSchema = namesIn(z.toJSONSchema(envelopeSchema) as { properties?: object }).filter((name) => name !== 'details');
  const ofEvents = eventTypes.flatMap((type) =>
    Object.keys(eventShapes[type]).flatMap((field) => roadOf(catalogue[type] as Row, field) ?? []),
  );
  expect(Object.keys(fieldWords).sort()).toEqual([...new Set([...ofSchema, ...ofEvents])].sort());
  expect(Object.values(fieldWords).filter((words) => !/^[A-Z].*[^.]$/.test(words))).toEqual([]);
});

it.each(eventTypes)('shows of %s every field that is sent, and each value as it is', (type) => {
  const envelope = envelopeOf(sampleRecord(type), device);
  const fields = z.array(sentFieldSchema).parse(sentFields(envelope));
  const again: Record<string, unknown> = {};
  for (const { name, means, value } of fields) {
    expect(means).not.toBe('');
    const [group = '', field] = name.split('.');
    if (field === undefined) again[group] = value;
    else again[group] = { ...(again[group] as object), [field]: value };
  }
  expect(again).toEqual(JSON.parse(JSON.stringify(envelope)));
});

it('shows a field that nobody has words for by its name', () => {
  const envelope = { ...envelopeOf(sampleRecord('agent.stopped'), device), details: { moon: 'full', constructor: 'x' } };
  expect(sentFields(envelope).slice(-2)).toEqual([
    { name: 'details.moon', means: '', value: 'full' },
    { name: 'details.constructor', means: '', value: 'x' },
  ]);
});
