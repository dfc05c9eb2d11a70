/**
 * What a bug that ends the agent leaves on standard error: its kind and where it happened. Never what it says, nor what caused it:
 * Node would print both, and a library's error can hold the answer it choked on, tokens and all.
 */

/** From here on, whatever nobody catches ends the process with status 1 and these words. */
export function leaveLastWords(): void {
  process.on('uncaughtException', (error: unknown) => {
    process.stderr.write(lastWords(error));
    process.exit(1);
  });
}

function lastWords(error: unknown): string {
  if (!(error instanceof Error)) return `lakepass crashed: ${typeof error}\n`;
  const { code } = error as NodeJS.ErrnoException;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return `${[`lakepass crashed: ${error.name}${typeof code === 'string' ? ` ${code}` : ''}`, ...frames].join('\n')}\n`;
}
