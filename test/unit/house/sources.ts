/** Reads the project's own files for the house rules: which files there are, and what each of them imports and calls. */
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

const OTHERS = /^(node_modules|dist|release|\.venv|\.cache|\.git)\//;

/** Paths from the root, with forward slashes. */
export const files = (pattern: string): string[] =>
  globSync(pattern, { cwd: root, exclude: (path) => OTHERS.test(`${path}/`) })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !OTHERS.test(path))
    .sort();

export const read = (file: string): string => readFileSync(posix.join(root.replaceAll('\\', '/'), file), 'utf8');

export interface Source {
  file: string;
  /** What it imports in any form, types included: a path from the root for our own files, else the bare specifier. */
  imports: string[];
  /** Every called name: `fetch` for both `fetch(…)` and `parts.fetch(…)`. */
  calls: string[];
}

type Node = { type: string } & Record<string, unknown>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Reads one source. */
export function readSource(file: string): Source {
  const imports: string[] = [];
  const calls: string[] = [];
  walk(parseAst(read(file), { lang: file.endsWith('x') ? 'tsx' : 'ts' }), (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push(specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier);
    if (node.type === 'CallExpression') calls.push(...namesOf(node['callee']));
  });
  return { file, imports, calls };
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  if (!isNode(value)) return;
  visit(value);
  for (const child of Object.values(value)) walk(child, visit);
}

const importing = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType'];

/** Imports by a computed name are a way around the arrows, so they count as an import of `?`. */
function specifierOf(node: Node): string | undefined {
  if (!importing.includes(node.type)) return undefined;
  const source = node['source'];
  if (source === null || source === undefined) return undefined;
  return isNode(source) && typeof source['value'] === 'string' ? source['value'] : '?';
}

function namesOf(callee: unknown): string[] {
  if (!isNode(callee)) return [];
  if (callee.type === 'Identifier') return [String(callee['name'])];
  if (callee.type === 'MemberExpression') return namesOf(callee['property']);
  return [];
}
