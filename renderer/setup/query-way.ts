/** How the first query runs, or would run: by a notebook where a Python for it was found, else by Lakepass itself. */
import type { QueryView, SetupView } from '../../preload/contract/setup.ts';
import { texts } from '../texts.ts';

export interface QueryWay {
  how: QueryView['how'];
  because: string;
  /** Its version, where it has a part in it. */
  python: string | null;
}

/** A query that was begun says itself how it runs; before that, what was found on the machine does. */
export function waysOf(query: QueryView, { python, why }: Pick<SetupView, 'python' | 'why'>): QueryWay {
  if (query.state !== 'idle')
    return { how: query.how, because: query.because, python: query.how === 'notebook' ? (python?.version ?? null) : null };
  if (python !== null) return { how: 'notebook', because: texts.setup.query.pythonAt(python.path), python: python.version };
  return { how: 'sql', because: why ?? query.because, python: null };
}
