/** The one-time code of this page, and the bearer it is exchanged for. Both stay in this module's memory: no storage, no address bar. */
import { enteredSchema } from '../../preload/contract/pages.ts';
import { call } from './call.ts';

/** Takes the code out of the address and out of the history, at once; null where there is none, as after a reload. */
export function takeCode(): string | null {
  const code = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  return /^[A-Za-z0-9_-]{43}$/.test(code) ? code : null;
}

/** @throws Unreachable | Refused PAGE_REFUSED: the code was used before, or is too old */
export async function enter(code: string): Promise<string> {
  const { bearer } = await call('/v1/enter', { code }, null, enteredSchema);
  return bearer;
}
