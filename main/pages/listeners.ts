/**
 * The pages that listen: each is told the number of the newest state and fetches that state itself, so that nothing of it ever waits
 * in a stream. Changes that come close together are one line.
 */
import type { ServerResponse } from 'node:http';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { ms } from '../units.ts';
import type { Bearer } from './entries.ts';
import { streamHeaders } from './page-answers.ts';

export interface Listeners {
  /** Keeps the answer open as text/event-stream until the page goes or its bearer dies. @throws AppError DOOR_BUSY (reason listeners) */
  add(response: ServerResponse, bearer: Bearer): void;
  changed(): void;
  readonly count: number;
  close(): void;
}

const mostListeners = 32;
const mostOfOneBearer = 4;
/** A few lines; whoever does not read them needs no more of them. */
const unreadLimitBytes = 4096;
const pause = ms(50);

export function createListeners({ clock, revision }: { clock: Clock; revision: () => number }): Listeners {
  const open = new Set<ServerResponse>();
  let resting: (() => void) | undefined;
  let again = false;

  function tell(): void {
    const line = `data: ${JSON.stringify({ revision: revision() })}\n\n`;
    for (const response of open) if (response.writableLength < unreadLimitBytes) response.write(line);
  }

  function rest(): void {
    resting = clock.after(pause, () => {
      resting = undefined;
      if (!again) return;
      again = false;
      changed();
    });
  }

  function changed(): void {
    if (open.size === 0) return;
    if (resting !== undefined) {
      again = true;
      return;
    }
    tell();
    rest();
  }

  return {
    add(response, bearer) {
      // check: page-listeners-limit
      if (open.size >= mostListeners || bearer.listeners >= mostOfOneBearer) throw new AppError('DOOR_BUSY', { reason: 'listeners' });
      // end check
      const end = (): void => void response.destroy();
      bearer.listeners++;
      open.add(response);
      bearer.gone.addEventListener('abort', end, { once: true });
      response.once('close', () => {
        bearer.gone.removeEventListener('abort', end);
        bearer.listeners--;
        open.delete(response);
      });
      response.writeHead(200, streamHeaders);
      response.write(`data: ${JSON.stringify({ revision: revision() })}\n\n`);
    },
    changed,
    get count() {
      return open.size;
    },
    close() {
      resting?.();
      resting = undefined;
      for (const response of open) response.destroy();
    },
  };
}
