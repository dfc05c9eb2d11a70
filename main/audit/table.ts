/**
 * The table of a workspace that takes records: its columns are the fields of the envelope, so that neither has what the other lacks.
 */
import { z } from 'zod';
import { envelopeSchema } from './envelope.ts';

export interface Column {
  name: string;
  /** As Databricks SQL writes it. */
  type: string;
}

interface Shape {
  type?: string;
  items?: Shape;
  properties?: Record<string, Shape>;
}

const fields: readonly Column[] = fieldsOf(z.toJSONSchema(envelopeSchema) as Shape);

/** In the order of the envelope. `time` arrives as text and is kept as a moment. */
export const columns: readonly Column[] = fields.map(({ name, type }) => ({ name, type: name === 'time' ? 'TIMESTAMP' : type }));

function fieldsOf({ properties = {} }: Shape): Column[] {
  return Object.entries(properties).map(([name, shape]) => ({ name, type: typeOf(shape) }));
}

function structOf(inner: readonly Column[]): string {
  return `STRUCT<${inner.map(({ name, type }) => `${name}: ${type}`).join(', ')}>`;
}

function typeOf(shape: Shape): string {
  if (shape.type === 'integer') return 'BIGINT';
  if (shape.type === 'boolean') return 'BOOLEAN';
  if (shape.type === 'array') return `ARRAY<${typeOf(shape.items ?? {})}>`;
  if (shape.properties !== undefined) return structOf(fieldsOf(shape));
  // Numbers and lists among its values become their JSON.
  if (shape.type === 'object') return 'MAP<STRING, STRING>';
  return 'STRING';
}

/** The name that is printed where none is given. */
export const usualTable = 'main.lakepass.audit';

/** Three parts, none of which can end the quotes it is put into. */
export const tableNameForm = /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){2}$/;

/** @param table catalog.schema.table, or fewer of its parts, each as `tableNameForm` demands */
export const quoted = (table: string): string =>
  table
    .split('.')
    .map((part) => `\`${part}\``)
    .join('.');

/**
 * Adds the records of the one parameter `batch`, a JSON list. It only adds, so that devices that write at the same time do not get into
 * each other's way; a record that was sent twice stands there twice, with one `event_uid`. FAILFAST: `from_json` would make a row of nothing
 * of what it cannot read.
 */
export function insertInto(table: string): string {
  const values = columns.map(({ name, type }) => (type === 'TIMESTAMP' ? `CAST(${name} AS TIMESTAMP)` : name));
  return [
    `INSERT INTO ${quoted(table)} (${columns.map(({ name }) => name).join(', ')})`,
    `SELECT ${values.join(', ')}`,
    `FROM (SELECT inline(from_json(:batch, 'ARRAY<${structOf(fields)}>', map('mode', 'FAILFAST'))))`,
  ].join('\n');
}
