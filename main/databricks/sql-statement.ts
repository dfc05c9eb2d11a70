/**
 * One SQL statement on a workspace's SQL warehouse, the one that is named or the first that may be used: waited for, within bounds of time
 * and size. The first steps end with one where there is no Python, and records of the audit log go into a table by it. What a workspace says about a failure goes nowhere, only its codes do.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import type { Secret } from '../secret.ts';
import { type EpochMs, later, type Ms, ms, remaining, seconds } from '../units.ts';
import { pause } from './retry.ts';
import { type Answer, askWorkspace } from './workspace-request.ts';

export interface SqlResult {
  columns: string[];
  /** As text, `NULL` for nothing. */
  rows: string[][];
  tookMs: number;
}

export interface SqlRequest {
  /** Origin. */
  workspace: string;
  token: Secret;
  statement: string;
  /** By name, as `:name` in the statement. */
  parameters?: readonly { name: string; type: string; value: string }[];
  /** Its id; absent: the first that may be used. */
  warehouse?: string;
  userAgent: string;
  /** A warehouse that was stopped takes minutes to start. */
  within: Ms;
  /** Ends it: what runs in the workspace is cancelled. */
  signal: AbortSignal;
  /** Told for how long the workspace wants to be left alone, before WORKSPACE_BUSY is thrown. */
  onBusy?: (patience: Ms) => void;
}

export const mostRows = 20;
const MOST_COLUMNS = 20;
const LONGEST_CELL = 200;
const REQUEST_LIMIT = seconds(45);
const LONGEST_PAUSE = seconds(5);

const warehousesSchema = z.object({
  warehouses: z.array(z.object({ id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), state: z.string().default('') })).default([]),
});
const statementSchema = z.object({
  statement_id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  status: z.object({
    state: z.string(),
    error: z.object({ error_code: z.string().optional(), message: z.string().optional() }).optional(),
    sql_state: z.string().optional(),
  }),
  manifest: z.object({ schema: z.object({ columns: z.array(z.object({ name: z.string() })) }) }).optional(),
  result: z.object({ data_array: z.array(z.array(z.string().nullable())).optional() }).optional(),
});
type Statement = z.output<typeof statementSchema>;

/** In the order in which they are tried: one that runs answers at once, one that is stopped starts by itself. */
const usable = ['RUNNING', 'STARTING', 'STOPPED', 'STOPPING'];

/**
 * Runs the statement and waits for its result.
 *
 * @throws AppError WAREHOUSE_NONE | STATEMENT_REFUSED (403) | TOKEN_NOT_ACCEPTED (401) | STATEMENT_FAILED (`reason` 'time', 'cancelled', `SQLSTATE_…` or
 *   the workspace's own code) | WORKSPACE_BUSY | WORKSPACE_UNREACHABLE | WORKSPACE_TLS | WORKSPACE_ANSWER_INVALID
 */
export async function runStatement(parts: { clock: Clock; fetch: typeof globalThis.fetch }, request: SqlRequest): Promise<SqlResult> {
  const { clock } = parts;
  const { workspace, signal } = request;
  const began = clock.elapsed();
  const until = later(clock.now(), request.within);
  const call = caller(parts, request, until);

  const body = {
    ...(request.parameters === undefined ? {} : { parameters: request.parameters }),
    ...{
      warehouse_id: request.warehouse ?? (await firstWarehouse(call, workspace)),
      statement: request.statement,
      row_limit: mostRows,
      disposition: 'INLINE',
      format: 'JSON_ARRAY',
    },
    ...{ wait_timeout: '10s', on_wait_timeout: 'CONTINUE' },
  };
  let statement = parsed(statementSchema, await call('/api/2.0/sql/statements', body), workspace);
  const path = `/api/2.0/sql/statements/${statement.statement_id}`;
  try {
    for (let wait = 500; isUnderWay(statement); wait = Math.min(wait * 2, LONGEST_PAUSE)) {
      await pauseFor(clock, ms(wait), signal);
      if (remaining(until, clock.now()) <= 0) throw new AppError('STATEMENT_FAILED', { reason: 'time' });
      statement = parsed(statementSchema, await call(path), workspace);
    }
  } catch (error) {
    if (isUnderWay(statement)) await cancel(parts, request, `${path}/cancel`);
    throw error;
  }
  return { ...resultOf(statement), tookMs: Math.round(clock.elapsed() - began) };
}

async function firstWarehouse(call: Call, workspace: string): Promise<string> {
  const { warehouses } = parsed(warehousesSchema, await call('/api/2.0/sql/warehouses'), workspace);
  const [first] = usable.flatMap((state) => warehouses.filter((each) => each.state === state));
  if (first === undefined) throw new AppError('WAREHOUSE_NONE', { detail: `The workspace is ${new URL(workspace).host}.` });
  return first.id;
}

const isUnderWay = ({ status: { state } }: Statement): boolean => state === 'PENDING' || state === 'RUNNING';

function resultOf({ status, manifest, result }: Statement): { columns: string[]; rows: string[][] } {
  if (status.state !== 'SUCCEEDED') {
    const sqlState = sqlStateOf(status);
    if (sqlState !== undefined) throw new AppError('STATEMENT_FAILED', { reason: `SQLSTATE_${sqlState}` });
    const code = status.error?.error_code ?? status.state;
    throw new AppError('STATEMENT_FAILED', { reason: /^[A-Z][A-Z_]{0,60}$/.test(code) ? code : 'other' });
  }
  const columns = manifest?.schema.columns.slice(0, MOST_COLUMNS).map(({ name }) => cell(name)) ?? [];
  const rows = (result?.data_array ?? []).slice(0, mostRows).map((row) => row.slice(0, MOST_COLUMNS).map(cell));
  return { columns, rows };
}

/** Its error code is mostly BAD_REQUEST, whatever is wrong; some errors have their SQLSTATE only at the end of their text. */
function sqlStateOf({ sql_state: said, error }: Statement['status']): string | undefined {
  if (said !== undefined) return /^[0-9A-Z]{5}$/.test(said) ? said : undefined;
  return [...(error?.message ?? '').matchAll(/\bSQLSTATE: ([0-9A-Z]{5})\b/g)].at(-1)?.[1];
}

/** A value as it is shown. */
export const cell = (value: string | null): string => {
  const text = (value ?? 'NULL').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL - 1)}…` : text;
};

type Call = (path: string, body?: Readonly<Record<string, unknown>>) => Promise<Answer>;

/** One request, tried again where the workspace asks for it, until the time is over. */
function caller(parts: { clock: Clock; fetch: typeof globalThis.fetch }, request: SqlRequest, until: EpochMs): Call {
  const { clock } = parts;
  const { workspace, token, userAgent, signal, onBusy } = request;
  return async (path, body) => {
    for (;;) {
      requireWanted(signal);
      const left = remaining(until, clock.now());
      if (left <= 0) throw new AppError('STATEMENT_FAILED', { reason: 'time' });
      const timeout = ms(Math.min(REQUEST_LIMIT, left));
      const answer = await askWorkspace(parts, {
        ...{ url: new URL(path, workspace), userAgent, bearer: token, timeout, signal },
        ...(body === undefined ? {} : { body }),
      }).catch((error: unknown) => {
        requireWanted(signal);
        throw error;
      });
      const refusal = refusalIn(answer, workspace);
      if (refusal === undefined) return answer;
      if (refusal.code !== 'WORKSPACE_BUSY') throw refusal;
      const wait = ms(Math.max(answer.retryAfter ?? 0, seconds(1)));
      if (clock.now() + wait >= until) {
        onBusy?.(wait);
        throw refusal;
      }
      await pauseFor(clock, wait, signal);
    }
  };
}

function refusalIn({ status, html, json }: Answer, workspace: string): AppError | undefined {
  const { host } = new URL(workspace);
  const detail = `The workspace is ${host}.`;
  if (status === 401) return new AppError('TOKEN_NOT_ACCEPTED', { detail });
  if (status === 403) return new AppError('STATEMENT_REFUSED', { reason: 'permission', detail });
  if (status === 429 || status === 503) return new AppError('WORKSPACE_BUSY', { detail });
  if (status === 400) return new AppError('STATEMENT_FAILED', { reason: 'request', detail });
  if (status === 404) return new AppError('WORKSPACE_ANSWER_INVALID', { reason: 'not-found', detail: `${host} has no SQL warehouses.` });
  if (status === 200 && !html && json !== undefined) return undefined;
  return new AppError('WORKSPACE_ANSWER_INVALID', { reason: html ? 'html' : 'status', detail: `${host} answered with status ${status}.` });
}

function parsed<S extends z.ZodType>(schema: S, { json }: Answer, workspace: string): z.output<S> {
  const found = schema.safeParse(json);
  if (!found.success)
    throw new AppError('WORKSPACE_ANSWER_INVALID', { reason: 'shape', detail: `The workspace is ${new URL(workspace).host}.` });
  return found.data;
}

/** What was begun must not go on running, and costing, for nobody. Whether it could be told is not the reason why this ended. */
async function cancel(
  parts: { clock: Clock; fetch: typeof globalThis.fetch },
  { workspace, token, userAgent }: SqlRequest,
  path: string,
): Promise<void> {
  await askWorkspace(parts, { url: new URL(path, workspace), userAgent, bearer: token, body: {}, timeout: seconds(5) }).catch(
    () => undefined,
  );
}

function requireWanted({ aborted, reason }: AbortSignal): void {
  if (aborted) throw reason instanceof AppError ? reason : new AppError('STATEMENT_FAILED', { reason: 'cancelled' });
}

async function pauseFor(clock: Clock, wait: Ms, signal: AbortSignal): Promise<void> {
  requireWanted(signal);
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  await Promise.race([pause(clock, wait), over]);
  signal.removeEventListener('abort', stop);
  requireWanted(signal);
}
