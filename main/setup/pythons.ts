/**
 * Looks for a Python that can run a notebook against Databricks: one that has ipykernel and databricks-sdk. Each is only asked what it
 * has, isolated from the environment and from the folder it is started in, so that no code but its own is run.
 */
import { spawn } from 'node:child_process';
import { type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { onPath } from '../on-path.ts';
import type { Clock } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';

export interface Python {
  path: string;
  version: string;
}

export interface PythonSearch {
  python: Python | null;
  /** What was missing where; null where one was found. */
  why: string | null;
}

const PROBE_LIMIT: Ms = seconds(10);
const LARGEST_ANSWER = 4096;
const MOST_TOLD = 3;

/** Looks for packages without running any of their code but what finding a part of one needs. */
const probe = `
import json, sys
from importlib.util import find_spec
def has(name):
    try:
        return find_spec(name) is not None
    except ImportError:
        return False
needed = {"ipykernel": "ipykernel", "jupyter_client": "jupyter_client", "databricks.sdk": "databricks-sdk"}
print(json.dumps({"version": ".".join(map(str, sys.version_info[:3])), "missing": [shown for name, shown in needed.items() if not has(name)]}))
`;

const answerSchema = z.object({
  version: z.string().regex(/^[0-9.]{1,20}$/),
  missing: z.array(z.string().regex(/^[a-z_-]{1,30}$/)).max(3),
});

/** Where a Python may be, the one a person has chosen first. */
export function candidatesIn(env: NodeJS.ProcessEnv, home: string): string[] {
  const inside = (folder: string | undefined): string[] => (folder === undefined || folder === '' ? [] : [join(folder, 'bin', 'python')]);
  const path = env['PATH'] ?? '';
  const found = [
    ...inside(env['VIRTUAL_ENV']),
    ...inside(env['CONDA_PREFIX']),
    ...inside(join(home, '.venv')),
    ...['python3', 'python'].flatMap((name) => onPath(name, path) ?? []),
    ...['miniforge3', 'miniconda3', 'anaconda3'].flatMap((name) => inside(join(home, name))),
    ...['/usr/local/bin/python3', '/usr/bin/python3', '/opt/homebrew/bin/python3'],
  ];
  return [...new Set(found)].filter((each) => each.startsWith('/'));
}

/** A program that others could have put there, or could change, is not started. */
function isOwnProgram(path: string): boolean {
  const found = lookAt(path);
  if (found === undefined || !found.isFile() || (found.mode & 0o111) === 0) return false;
  // check: setup-python-own
  if (!isOwn(found)) return false;
  // end check
  // check: setup-python-folder-own
  if (!besides(path).every((each) => isOwn(lookAt(each)))) return false;
  // end check
  return true;
}

const isOwn = (found: Stats | undefined): boolean =>
  found === undefined || ((found.uid === 0 || found.uid === process.getuid?.()) && (found.mode & 0o002) === 0);

/** What decides which code a Python runs besides its own: the folder it is found in, and the file that says where its packages are. */
const besides = (path: string): string[] => {
  const folder = dirname(path);
  return [folder, join(folder, 'pyvenv.cfg'), join(dirname(folder), 'pyvenv.cfg')];
};

/** What cannot be looked at cannot be started either. */
function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The first that has what it takes; it is looked for anew after a minute, since people install things. */
export function createPythonSearch(parts: { candidates: () => readonly string[]; clock: Clock }): () => Promise<PythonSearch> {
  let last: { search: Promise<PythonSearch>; until: number } | undefined;
  return () => {
    const now = parts.clock.elapsed();
    if (last === undefined || now >= last.until) last = { search: searchIn(parts.candidates(), parts.clock), until: now + seconds(60) };
    return last.search;
  };
}

async function searchIn(candidates: readonly string[], clock: Clock): Promise<PythonSearch> {
  const lacking: string[] = [];
  for (const path of candidates.filter(isOwnProgram)) {
    const answer = await ask(path, clock);
    if (answer?.missing.length === 0) return { python: { path, version: answer.version }, why: null };
    lacking.push(answer === null ? `${path} does not answer` : `${path} (${answer.version}) has no ${answer.missing.join(' and no ')}`);
  }
  if (lacking.length === 0) return { python: null, why: 'No Python was found on this machine.' };
  const more = lacking.length > MOST_TOLD ? `; ${lacking.length - MOST_TOLD} more` : '';
  return { python: null, why: `No Python has all that a notebook needs: ${lacking.slice(0, MOST_TOLD).join('; ')}${more}.` };
}

function ask(path: string, clock: Clock): Promise<z.output<typeof answerSchema> | null> {
  return new Promise((resolve) => {
    let said = '';
    const child = spawn(path, ['-I', '-c', probe], { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'], env: plainEnvironment(process.env) });
    const stop = clock.after(PROBE_LIMIT, () => child.kill('SIGKILL'));
    const finish = (answer: z.output<typeof answerSchema> | null): void => {
      stop();
      resolve(answer);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.length > LARGEST_ANSWER) child.kill('SIGKILL');
    });
    child.once('error', () => finish(null));
    child.once('close', (code) => finish(code === 0 ? parsedAnswer(said) : null));
  });
}

function parsedAnswer(text: string): z.output<typeof answerSchema> | null {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What a program needs to run at all; what belongs to ways of signing in stays here. */
export const plainEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    [
      'HOME',
      'PATH',
      'LANG',
      'LC_ALL',
      'TZ',
      'TMPDIR',
      'REQUESTS_CA_BUNDLE',
      'SSL_CERT_FILE',
      'HTTPS_PROXY',
      'HTTP_PROXY',
      'NO_PROXY',
    ].flatMap((name) => [name, name.toLowerCase()].flatMap((each) => (env[each] === undefined ? [] : [[each, env[each]]]))),
  );
