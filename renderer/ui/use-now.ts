/** The moment, for what changes by itself on a page. */
import { useEffect, useState } from 'react';

/** True once `moment` has come; false while it is null. Renders again at that moment. */
export function useHasCome(moment: string | null): boolean {
  const due = moment === null ? Number.POSITIVE_INFINITY : Date.parse(moment);
  const [, render] = useState(0);
  const left = due - Date.now();
  useEffect(() => {
    if (!Number.isFinite(due)) return undefined;
    const timer = setTimeout(() => render((count) => count + 1), Math.max(0, Math.min(due - Date.now(), 2 ** 31 - 1)) + 1);
    return () => clearTimeout(timer);
  }, [due]);
  return left <= 0;
}

const tickMs = 20_000;

/** The moment now in milliseconds, anew some times a minute: for what is left of something. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  return now;
}
