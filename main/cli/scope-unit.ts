/**
 * A run in a systemd user scope of its own, where there is a user manager: whatever the program starts stays in its control group,
 * double forks included, so that the agent still knows it as part of the run.
 */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { onPath } from '../on-path.ts';

export interface ScopedCommand {
  command: string;
  args: string[];
}

/** What the wrapped program's start is reported on: one byte, once its control group is there. */
export const startedFd = 3;

/** Where a user manager listens for its own tools; without this socket `systemd-run --user` could only fail. */
const managerSocket = (runtimeFolder: string): string => join(runtimeFolder, 'systemd', 'private');

/**
 * The command that runs `program` in `lakepass-run-ID.scope`. Undefined where no user manager runs.
 *
 * `systemd-run --scope` starts nothing itself: it has its own process put into the scope and becomes the program, so pid, terminal,
 * signals and exit code are the program's. The shell between them says that this has worked, and becomes the program in turn.
 */
export function inScope(id: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv): ScopedCommand | undefined {
  const runtime = env['XDG_RUNTIME_DIR'];
  if (runtime === undefined || !isAbsolute(runtime) || !existsSync(managerSocket(runtime))) return undefined;
  const starter = onPath('systemd-run', env['PATH'] ?? '');
  if (starter === undefined) return undefined;
  const unit = ['--user', '--scope', '--quiet', '--collect', `--unit=lakepass-run-${id}.scope`];
  const say = `printf x >&${startedFd}; exec ${startedFd}>&-; exec "$@"`;
  return { command: starter, args: [...unit, '--', '/bin/sh', '-c', say, 'sh', program, ...args] };
}
