/** `app.yaml` of an app: what it is started with, and which variables it wants. Read as Databricks reads it; what only the platform has is asked for. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { ConfigProblem, readYaml } from '../profile/yaml-source.ts';

export interface AppFile {
  /** Empty where the file names none. */
  command: readonly string[];
  env: Readonly<Record<string, string>>;
}

const names = ['app.yml', 'app.yaml'] as const;
const LARGEST_FILE = 64 * 1024;

const variable = z.object({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  value: z.union([z.string(), z.number(), z.boolean()]).transform(String).optional(),
  valueFrom: z.string().optional(),
});
const appSchema = z.object({
  command: z.array(z.union([z.string(), z.number()]).transform(String)).default([]),
  env: z.array(variable).default([]),
});

/**
 * What `app.yml` or `app.yaml` in the folder says; nothing where there is neither.
 *
 * @param given variables of the person's own: a `valueFrom` names a resource of the workspace, which only the platform can look up
 * @throws AppError APP_START_FAILED with reason `file` (it cannot be used) or `value-from` (a variable has no value here)
 */
export async function readAppFile(folder: string, given: Readonly<Record<string, string | undefined>>): Promise<AppFile> {
  for (const name of names) {
    const text = await textOf(join(folder, name), name);
    if (text !== undefined) return parse(text, name, given);
  }
  return { command: [], env: {} };
}

function parse(text: string, name: string, given: Readonly<Record<string, string | undefined>>): AppFile {
  const { command, env } = shapeOf(text, name);
  const entries = env.map(({ name: key, value }): [string, string] => {
    const found = given[key] ?? value;
    if (found === undefined)
      throw new AppError('APP_START_FAILED', {
        reason: 'value-from',
        detail: `${key} in ${name} comes from a resource of the workspace: give it with --env ${key}=VALUE.`,
      });
    return [key, found];
  });
  return { command, env: Object.fromEntries(entries) };
}

function shapeOf(text: string, name: string): z.output<typeof appSchema> {
  try {
    const parsed = appSchema.safeParse(readYaml(text).value ?? {});
    if (parsed.success) return parsed.data;
    throw unusable(`${name}: look at ${parsed.error.issues[0]?.path.join('.') || 'its top'}.`);
  } catch (error) {
    if (error instanceof ConfigProblem) throw unusable(`${name}, line ${error.place.line}: ${error.message}`, error);
    throw error;
  }
}

async function textOf(path: string, name: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > LARGEST_FILE) throw unusable(`${name} is larger than any real one.`);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof AppError) throw error;
    throw unusable(`${name} cannot be read.`, error);
  }
}

const unusable = (detail: string, cause?: unknown): AppError => new AppError('APP_START_FAILED', { reason: 'file', detail, cause });
