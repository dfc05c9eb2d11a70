/** Whether there is a browser to open, and which program opens it. It starts nothing. */
import { onPath } from './on-path.ts';

export type BrowserProgram = { program: string } | { program: null; why: 'turned-off' | 'no-display' | 'not-found' };

/** `BROWSER` names a program, or is `none`; else it takes a display and `xdg-open`. */
export function browserProgram(env: NodeJS.ProcessEnv): BrowserProgram {
  const chosen = env['BROWSER'];
  if (chosen === 'none') return { program: null, why: 'turned-off' };
  if (!chosen && !(env['DISPLAY'] ?? env['WAYLAND_DISPLAY'])) return { program: null, why: 'no-display' };
  const name = chosen || 'xdg-open';
  const program = name.includes('/') ? name : onPath(name, env['PATH'] ?? '');
  return program === undefined ? { program: null, why: 'not-found' } : { program };
}
