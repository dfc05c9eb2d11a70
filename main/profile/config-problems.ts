/** Turns what a schema refused into the place in the file, what is wrong there, and what to write instead. */
import { z } from 'zod';
import { configSchema } from './profile.ts';
import { ConfigProblem, type YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** The part of a JSON Schema that is needed to know which keys a map takes. */
export interface MapSchema {
  properties?: Record<string, MapSchema>;
  additionalProperties?: MapSchema | boolean;
  items?: MapSchema;
}

/** The configuration file as JSON Schema (draft 2020-12), for editors; `config.schema.json` is its published copy. */
export const configJsonSchema = () => z.toJSONSchema(configSchema, { io: 'input' }) as MapSchema;

/**
 * The first problem in the order of the file's own schema. A misspelled key comes first: it also explains why the right one is
 * missing.
 */
export function problemFrom({ issues }: z.ZodError, source: YamlSource, schema: MapSchema): ConfigProblem {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue === undefined) throw new Error('the schema refused without saying why');
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKey(issue.path, issue.keys[0] ?? '', source, schema);
    case 'invalid_key':
      return wrongName(issue, source);
    default:
      return valueProblem(issue, source);
  }
}

function unknownKey(path: readonly PropertyKey[], key: string, source: YamlSource, schema: MapSchema): ConfigProblem {
  const known = keysAt(path, schema);
  const nearest = nearestOf(key, known);
  const fix = nearest ? `Did you mean "${nearest}"?` : `Known here: ${known.join(', ')}.`;
  return new ConfigProblem(source.placeOfKey(path, key), `The key "${printable(key)}" is not known.`, fix);
}

function wrongName(issue: Extract<Issue, { code: 'invalid_key' }>, source: YamlSource): ConfigProblem {
  const key = String(issue.path.at(-1));
  const rule = issue.issues[0]?.message ?? 'use another name';
  return new ConfigProblem(source.placeOfKey(issue.path.slice(0, -1), key), `"${printable(key)}" cannot be a name.`, sentence(rule));
}

function valueProblem(issue: Issue, source: YamlSource): ConfigProblem {
  const at = issue.path.map(String).join('.') || 'the file';
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing
    ? new ConfigProblem(source.placeOf(issue.path), `${at} is missing.`, 'Add it.')
    : new ConfigProblem(source.placeOf(issue.path), `${at} cannot be used.`, sentence(issue.message));
}

/** The keys the schema knows for the map at `path`. */
function keysAt(path: readonly PropertyKey[], whole: MapSchema): string[] {
  let schema: MapSchema | undefined = whole;
  for (const step of path) {
    const anyKey: MapSchema | boolean | undefined = schema?.additionalProperties;
    schema = schema?.properties?.[String(step)] ?? schema?.items ?? (typeof anyKey === 'object' ? anyKey : undefined);
  }
  return Object.keys(schema?.properties ?? {});
}

/** The known key with the fewest changed letters, if it is near enough to be a slip of the finger. */
function nearestOf(key: string, known: readonly string[]): string | undefined {
  const near = known
    .map((name) => ({ name, distance: editDistance(key.slice(0, 60).toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.name;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const printable = (key: string) => key.slice(0, 60).replace(/[^\x20-\x7e]/g, '?');
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
