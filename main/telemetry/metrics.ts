/**
 * Counts what the audit log records, as it is recorded, and writes it in the Prometheus text format (version 0.0.4). Nothing on the way of a
 * token knows of it: a cached answer is counted by the record that counts it, up to a minute later. Names of people, programs, folders and
 * grants are no labels.
 */
import type { AuditRecord } from '../audit/log.ts';

type Labels = Readonly<Record<string, string>>;

/** What stands now, looked up when somebody asks. */
export interface Gauge {
  name: string;
  help: string;
  values: () => readonly { labels?: Labels; value: number }[];
}

export interface Metrics {
  /** Told of each record. */
  note(record: AuditRecord): void;
  text(): string;
}

/** Upper ends, in seconds. */
const buckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const helps = {
  lakepass_tokens_minted_total: 'Tokens that a workspace gave.',
  lakepass_mint_failures_total: 'Requests for a token that came to nothing, by code.',
  lakepass_tokens_served_total: 'Answers with a token, cached ones up to a minute later.',
  lakepass_tokens_printed_total: 'Tokens that left through the control door.',
  lakepass_refusals_total: 'Requests that were refused, by where and by code.',
  lakepass_foreign_users_total: 'Connections of other users of this machine, closed unread.',
  lakepass_sign_ins_total: 'Sign-ins that went well.',
  lakepass_sign_in_failures_total: 'Sign-ins that did not, by code.',
  lakepass_renewals_total: 'Renewals of a session that went well.',
  lakepass_renewal_failures_total: 'Outages of renewal, by code; the retries of one count once.',
  lakepass_audit_gap_records_total: 'Records that could not be written.',
} as const;
type Counter = keyof typeof helps;

/** No more series than this: labels come from a configuration and from tables, and still must not fill the memory. */
const MOST_SERIES = 2000;

export function createMetrics(gauges: readonly Gauge[]): Metrics {
  const counts = new Map<Counter, Map<string, number>>();
  let series = 0;
  const times = { counts: buckets.map(() => 0), all: 0, sum: 0 };

  function add(name: Counter, labels: Labels, by = 1): void {
    const known = counts.get(name) ?? new Map<string, number>();
    counts.set(name, known);
    const key = labelText(labels);
    if (!known.has(key)) {
      if (series >= MOST_SERIES) return;
      series += 1;
    }
    known.set(key, (known.get(key) ?? 0) + by);
  }

  function time(ms: number): void {
    const seconds = ms / 1000;
    times.all += 1;
    times.sum += seconds;
    buckets.forEach((end, index) => {
      if (seconds <= end) times.counts[index] = (times.counts[index] ?? 0) + 1;
    });
  }

  return {
    note(record) {
      const { type } = record;
      const of = record as unknown as Record<string, unknown>;
      const profile = { profile: String(of['profile'] ?? '') };
      const code = { code: String(of['code'] ?? '') };
      const count = typeof of['count'] === 'number' ? of['count'] : 1;
      switch (type) {
        case 'token.minted':
          time(Number(of['tookMs']));
          return add('lakepass_tokens_minted_total', profile);
        case 'token.mint-failed':
          return add('lakepass_mint_failures_total', { ...profile, ...code });
        case 'token.served':
          return add('lakepass_tokens_served_total', {});
        case 'token.served-again':
          return add('lakepass_tokens_served_total', {}, count);
        case 'token.printed':
          return add('lakepass_tokens_printed_total', profile);
        case 'token.refused':
          return add('lakepass_refusals_total', { door: 'grant', ...code }, count);
        case 'control.refused':
          return add('lakepass_refusals_total', { door: 'control', ...code }, count);
        case 'door.refused':
          return add('lakepass_refusals_total', { door: String(of['door']), ...code }, count);
        case 'door.foreign-user':
          return add('lakepass_foreign_users_total', { door: String(of['door']) }, count);
        case 'session.signed-in':
          return add('lakepass_sign_ins_total', profile);
        case 'session.sign-in-failed':
          return add('lakepass_sign_in_failures_total', { ...profile, ...code });
        case 'session.renewed':
          return add('lakepass_renewals_total', profile);
        case 'session.renewal-failed':
          return add('lakepass_renewal_failures_total', { ...profile, ...code });
        case 'audit.gap':
          return add('lakepass_audit_gap_records_total', {}, count);
        default:
          return;
      }
    },

    text() {
      const lines: string[] = [];
      for (const name of Object.keys(helps) as Counter[]) {
        head(lines, name, helps[name], 'counter');
        for (const [labels, value] of counts.get(name) ?? []) lines.push(`${name}${labels} ${value}`);
      }
      head(lines, 'lakepass_mint_duration_seconds', 'How long a workspace took for a token.', 'histogram');
      buckets.forEach((end, index) => {
        lines.push(`lakepass_mint_duration_seconds_bucket{le="${end}"} ${times.counts[index]}`);
      });
      lines.push(`lakepass_mint_duration_seconds_bucket{le="+Inf"} ${times.all}`);
      lines.push(`lakepass_mint_duration_seconds_sum ${times.sum}`, `lakepass_mint_duration_seconds_count ${times.all}`);
      for (const { name, help, values } of gauges) {
        head(lines, name, help, 'gauge');
        for (const { labels = {}, value } of values()) lines.push(`${name}${labelText(labels)} ${value}`);
      }
      return `${lines.join('\n')}\n`;
    },
  };
}

function head(lines: string[], name: string, help: string, type: 'counter' | 'gauge' | 'histogram'): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** A value that ended its line could count what nobody has counted. */
const escaped = (value: string): string => {
  let text = value.slice(0, 100);
  // check: metrics-label-escaped
  text = text.replace(/[\\"\n]/g, (each) => (each === '\n' ? '\\n' : `\\${each}`));
  // end check
  return text;
};
