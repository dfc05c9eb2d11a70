/**
 * Adds records to a table of a Databricks workspace (SQL Statement Execution API), as the person or the service principal whose tokens are
 * named. Nobody is asked to sign in for it: until somebody has, the records wait.
 */
import { AppError } from '../../app-error.ts';
import type { Clock } from '../../ports.ts';
import type { Secret } from '../../secret.ts';
import { type EpochMs, later, type Ms, minutes, seconds } from '../../units.ts';
import { userAgentOf } from '../../user-agent.ts';
import { insertInto, quoted } from '../table.ts';
import { NotSent, type Sink } from './sink.ts';

/** Below what a shipper gives a batch, so that what runs can still be cancelled. */
const STATEMENT_LIMIT = seconds(24);
/** Each batch is a statement that somebody pays for, and a file of the table. */
const GATHER_FOR = minutes(1);
/** A token that could not be had is a record of the log each time; so seldom is it asked for again. */
const TOKEN_PAUSE = minutes(15);

export interface TableSettings {
  profile: string;
  /** Its name or host; absent: the profile has one. */
  workspace?: string | undefined;
  /** Id of the SQL warehouse. */
  warehouse: string;
  /** catalog.schema.table */
  table: string;
  /** The same for people. */
  to: string;
}

/**
 * A token with scope `sql`, the one at hand where there is one. `workspace` is an origin.
 *
 * @throws AppError SIGNED_OUT (nothing was asked for) | PROFILE_UNKNOWN | WORKSPACE_UNKNOWN | what `Tokens.get` of main/databricks throws
 */
export type TableToken = (
  settings: Pick<TableSettings, 'profile' | 'workspace'>,
  deadline: EpochMs,
) => Promise<{ workspace: string; token: Secret }>;

/** Runs it to its end, or throws AppError, as `runStatement` of main/databricks does. */
export type RunOnWarehouse = (request: {
  workspace: string;
  token: Secret;
  warehouse: string;
  statement: string;
  parameters: readonly { name: string; type: string; value: string }[];
  userAgent: string;
  within: Ms;
  signal: AbortSignal;
  /** Told for how long the workspace wants to be left alone, before WORKSPACE_BUSY is thrown. */
  onBusy: (patience: Ms) => void;
}) => Promise<unknown>;

export function databricksTableSink(
  name: string,
  settings: TableSettings,
  parts: { run: RunOnWarehouse; clock: Pick<Clock, 'now'>; token: TableToken },
): Sink {
  const { warehouse, table } = settings;
  const statement = insertInto(table);

  async function tokenNow(): ReturnType<TableToken> {
    try {
      return await parts.token(settings, later(parts.clock.now(), STATEMENT_LIMIT));
    } catch (error) {
      throw withoutToken(error);
    }
  }

  return {
    ...{ name, kind: 'databricks', to: settings.to, gatherFor: GATHER_FOR },
    async send(batch, signal) {
      const { workspace, token } = await tokenNow();
      let patience: Ms | null = null;
      try {
        await parts.run({
          ...{ workspace, token, userAgent: userAgentOf(), warehouse, statement, within: STATEMENT_LIMIT, signal },
          parameters: [{ name: 'batch', type: 'STRING', value: JSON.stringify(batch) }],
          onBusy(asked) {
            patience = asked;
          },
        });
        return { rejected: 0 };
      } catch (error) {
        throw notSent(error, settings, patience);
      }
    },
  };
}

/** In the words of the failure itself: it says what to do. */
const wordsOf = (error: AppError): string => {
  const { cause, detail = '', next } = error.toFailure();
  return [cause, detail, next].filter(Boolean).join(' ');
};

function withoutToken(error: unknown): NotSent {
  if (!(error instanceof AppError)) return new NotSent('way', { reason: 'token', cause: error });
  const options = { reason: 'token', detail: wordsOf(error), cause: error };
  if (error.code === 'PROFILE_UNKNOWN' || error.code === 'WORKSPACE_UNKNOWN') return new NotSent('rights', options);
  return new NotSent('way', error.code === 'SIGNED_OUT' ? options : { ...options, retryAfter: TOKEN_PAUSE });
}

/**
 * What a statement fails of, by its SQLSTATE. Only what cannot be read in the batch itself is the batch's fault: a right that is missing is
 * given one day, and then everything goes.
 */
function notSent(error: unknown, { table, warehouse }: TableSettings, retryAfter: Ms | null): NotSent {
  if (!(error instanceof AppError)) return new NotSent('way', { reason: 'line', cause: error });
  const rights = (reason: string, detail: string): NotSent => new NotSent('rights', { reason, detail, cause: error });
  const [catalog, schema] = table.split('.').map(quoted);
  switch (error.code === 'STATEMENT_FAILED' ? error.reason : error.code) {
    case 'STATEMENT_REFUSED':
      return rights('permission', `Whose tokens it is sent with needs CAN USE on the SQL warehouse ${warehouse}.`);
    case 'request':
      return rights('warehouse', `There is no SQL warehouse ${warehouse}, or it may not be seen.`);
    case 'SQLSTATE_42501':
    case 'PERMISSION_DENIED':
      return rights(
        'permission',
        `Missing is one of USE CATALOG ON CATALOG ${catalog}, USE SCHEMA ON SCHEMA ${catalog}.${schema}, and SELECT, MODIFY ON TABLE ${quoted(table)}: \`lakepass audit table ${table}\` prints each GRANT.`,
      );
    case 'SQLSTATE_42P01':
    case 'SQLSTATE_42704':
      return rights(
        'table',
        `There is no table ${quoted(table)}, or it may not be seen: \`lakepass audit table ${table}\` prints what makes it.`,
      );
    case 'SQLSTATE_42703':
    case 'SQLSTATE_42K09':
      return rights(
        'columns',
        `The table ${quoted(table)} has not the columns of this version: \`lakepass audit table ${table}\` prints them.`,
      );
    // MALFORMED_RECORD_IN_PARSING, CAST_INVALID_INPUT
    case 'SQLSTATE_22023':
    case 'SQLSTATE_22018':
      return new NotSent('records', { reason: 'form', cause: error });
    case 'TOKEN_NOT_ACCEPTED':
      return new NotSent('way', { reason: 'token', detail: wordsOf(error), cause: error });
    default:
      return new NotSent('way', {
        ...{ reason: error.code === 'STATEMENT_FAILED' ? 'statement' : 'line', detail: wordsOf(error), retryAfter, cause: error },
      });
  }
}
