/** A pool of vitest whose one process stays from run to run until it is told to end, where vitest's own end with each run. */
import { fileURLToPath } from 'node:url';
import { ForksPoolWorker, type PoolOptions, type PoolRunnerInitializer, type PoolWorker, type WorkerRequest } from 'vitest/node';

type Listener = (...args: unknown[]) => void;

export interface KeptPool extends PoolRunnerInitializer {
  /** Absolute paths of the sources that the next run reads again. */
  changed: readonly string[];
  /** The next run gets a new process. */
  end(): Promise<void>;
}

class KeptProcess extends ForksPoolWorker {
  protected override readonly entrypoint = fileURLToPath(new URL('process.ts', import.meta.url));
  isSetUp = false;
}

export function keptPool(): KeptPool {
  let kept: KeptProcess | undefined;

  /** Stands for the process during one run, and keeps from it that the run is over. */
  const worker = (options: PoolOptions): PoolWorker => {
    const listeners: [event: string, listener: Listener][] = [];
    const answer = (type: 'started' | 'stopped') => {
      for (const [event, listener] of listeners) if (event === 'message') listener({ type, __vitest_worker_response__: true });
    };
    return {
      name: 'kept',
      async start() {
        if (kept) return;
        const begun = new KeptProcess(options);
        await begun.start();
        begun.on('exit', () => {
          if (kept === begun) kept = undefined;
        });
        kept = begun;
      },
      on(event, listener) {
        listeners.push([event, listener]);
        kept?.on(event, listener);
      },
      off: (event, listener) => kept?.off(event, listener),
      send(message: WorkerRequest) {
        if (message.type === 'stop') return void setImmediate(answer, 'stopped');
        if (message.type === 'start' && kept?.isSetUp) return void setImmediate(answer, 'started');
        if (message.type === 'start' && kept) kept.isSetUp = true;
        kept?.send(message.type === 'run' ? { ...message, context: { ...message.context, invalidates: [...pool.changed] } } : message);
      },
      deserialize: (message) => message,
      async stop() {
        for (const [event, listener] of listeners) kept?.off(event, listener);
      },
    };
  };

  const pool: KeptPool = {
    name: 'kept',
    createPoolWorker: worker,
    changed: [],
    async end() {
      const ended = kept;
      kept = undefined;
      await ended?.stop();
    },
  };
  return pool;
}
