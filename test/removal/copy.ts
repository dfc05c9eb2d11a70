/** A copy of the project whose sources can be changed and whose tests can be run, as often as one likes. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report, Request } from './awake.ts';

const LEFT_OUT = new Set(['node_modules', 'dist', '.venv', '.cache', '.git', '.vitest', 'release']);
const awake = fileURLToPath(new URL('awake.ts', import.meta.url));

export interface Copy {
  read(source: string): string;
  /** The tests of the next run see it. */
  write(source: string, text: string): void;
  /** Undefined: it came to nothing, for it took too long or vitest itself ended. The next run begins with a new one. */
  run(tests: Pick<Request, 'file' | 'titles'>): Promise<Report | undefined>;
  close(): void;
}

/**
 * Copies the project at `root` to `folder`, without what is made from it. Its temporary folder has a short name: Unix sockets of
 * tests must fit into 104 bytes.
 *
 * @param longestMs after this a run is ended: a test that hangs shows nothing
 */
export function makeCopy(root: string, folder: string, longestMs: number): Copy {
  cpSync(root, folder, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
  for (const linked of ['node_modules', '.venv']) if (existsSync(join(root, linked))) symlinkSync(join(root, linked), join(folder, linked));
  mkdirSync(join(folder, 't'), { mode: 0o777 });
  const changed = new Set<string>();
  let vitest: ChildProcess | undefined;

  const wake = (): ChildProcess =>
    fork(awake, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, CI: '', TMPDIR: join(folder, 't'), NODE_COMPILE_CACHE: join(folder, '..', 'compiled') },
    });

  return {
    read: (source) => readFileSync(join(folder, source), 'utf8'),
    write(source, text) {
      writeFileSync(join(folder, source), text);
      changed.add(source);
    },
    async run(tests) {
      if (!vitest?.connected) {
        vitest = undefined;
        const woken = wake();
        if (await nextMessage(woken, longestMs)) vitest = woken;
      }
      vitest?.send({ changed: [...changed], ...tests } satisfies Request);
      changed.clear();
      const report = vitest && ((await nextMessage(vitest, longestMs)) as Report | undefined);
      if (!report) vitest = undefined;
      return report;
    },
    close: () => void vitest?.kill('SIGKILL'),
  };
}

/** Undefined: the process ended, or was ended because it took too long. */
async function nextMessage(child: ChildProcess, longestMs: number): Promise<unknown> {
  const over = new AbortController();
  const timer = setTimeout(() => child.kill('SIGKILL'), longestMs);
  try {
    const [message] = await Promise.race([once(child, 'message', over), once(child, 'exit', over).then(() => [undefined])]);
    return message;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
