/** Chromium's own record of its network (`--log-net-log`): it names the requests that no page made, such as those for icons, as well. */
import { readFileSync } from 'node:fs';

export interface LoggedRequest {
  url: string;
  /** What Chromium noted of its headers, as sent. */
  headers: unknown[];
}

interface NetLog {
  constants: { logEventTypes: Record<string, number>; logSourceType: Record<string, number> };
  events: { type: number; source: { id: number; type: number }; params?: { url?: string } }[];
}

/**
 * The requests of a whole run, in order; each hop of a redirect is one of its own.
 *
 * @throws Error when the record holds no request with headers, as it would after a change of its format
 */
export function readNetLog(file: string): LoggedRequest[] {
  const { constants, events } = JSON.parse(readFileSync(file, 'utf8')) as NetLog;
  const { URL_REQUEST_START_JOB, HTTP_TRANSACTION_SEND_REQUEST_HEADERS } = constants.logEventTypes;
  const { URL_REQUEST } = constants.logSourceType;
  const latest = new Map<number, LoggedRequest>();
  const requests: LoggedRequest[] = [];
  for (const { type, source, params } of events) {
    if (source.type !== URL_REQUEST) continue;
    if (type === URL_REQUEST_START_JOB && params?.url !== undefined) {
      const request = { url: params.url, headers: [] };
      requests.push(request);
      latest.set(source.id, request);
    } else if (type === HTTP_TRANSACTION_SEND_REQUEST_HEADERS) latest.get(source.id)?.headers.push(params);
  }
  if (!requests.some(({ headers }) => headers.length > 0)) throw new Error('the net log shows no request with headers');
  return requests;
}
