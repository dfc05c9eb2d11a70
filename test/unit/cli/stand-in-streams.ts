/** What a piece of the command line says on standard output, for tests that run it in their own process. */
import { vi } from 'vitest';

export async function reading(run: () => Promise<unknown>): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await run();
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}
