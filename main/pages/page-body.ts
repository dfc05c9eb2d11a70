/** Reads what a page sends: JSON of a bounded size, parsed by one strict schema. */
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { AppError } from '../app-error.ts';

/**
 * The value in the body. The connection survives a body that is too large, so that the refusal can still be sent.
 *
 * @throws AppError INPUT_INVALID (reason size, json or broken-off)
 */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const bytes = await readBytes(request, limitBytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError('INPUT_INVALID', { reason: 'json', cause });
  }
}

function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // check: page-body-limit
      if (size > limitBytes) {
        request.removeAllListeners('data').pause();
        reject(new AppError('INPUT_INVALID', { reason: 'size' }));
        return;
      }
      // end check
      chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => reject(new AppError('INPUT_INVALID', { reason: 'broken-off' })));
    request.on('error', () => reject(new AppError('INPUT_INVALID', { reason: 'broken-off' })));
  });
}

/** @throws AppError INPUT_INVALID (reason schema); the detail names the field, never what was in it */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  // check: page-schema
  if (!parsed.success) throw new AppError('INPUT_INVALID', { reason: 'schema', detail: parsed.error.issues[0]?.path.join('.') ?? '' });
  // end check
  return parsed.data as z.output<S>;
}
