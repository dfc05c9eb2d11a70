/** The one-time code of this page, and the bearer it is exchanged for. Both stay in this module's memory: no storage, no address bar. */
import { enteredSchema } from '../../preload/contract/pages.ts';
import { call } from './call.ts';

const shape = /^#([A-Za-z0-9_-]{43})$/;

/**
 * Takes the code out of the address and out of the history, at once; null where there is none, as after a reload. A code that comes
 * later, when somebody opens a new link in this very tab, changes the fragment alone, so the page starts anew with it.
 */
export function takeCode(): string | null {
  const code = shape.exec(location.hash)?.[1] ?? null;
  history.replaceState(null, '', location.pathname);
  addEventListener('hashchange', () => {
    if (shape.test(location.hash)) location.reload();
  });
  return code;
}

/** @throws Unreachable | Refused PAGE_REFUSED: the code was used before, or is too old */
export async function enter(code: string): Promise<string> {
  const { bearer } = await call('/v1/enter', { code }, null, enteredSchema);
  return bearer;
}
