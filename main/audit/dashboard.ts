/**
 * A dashboard of Databricks (AI/BI, `.lvdash.json`) over the view without repetitions: four pages, from tables of data. It shows what the
 * records say and no more; the newest 30 days.
 */
import { quoted } from './table.ts';
import { viewOf } from './table-statements.ts';

type Kind = 'text' | 'number' | 'moment';

interface Field {
  /** Of the row, for people. */
  title: string;
  kind: Kind;
  /** Over the columns of the table. */
  sql: string;
}

interface Dataset {
  title: string;
  /** Under their names in the result. What is not aggregated is what rows are grouped by. */
  fields: Readonly<Record<string, Field>>;
  where?: string;
  /** Over the names of the result. */
  having?: string;
  order?: string;
}

const text = (title: string, sql: string): Field => ({ title, kind: 'text', sql });
const number = (title: string, sql: string): Field => ({ title, kind: 'number', sql });
const moment = (title: string, sql: string): Field => ({ title, kind: 'moment', sql });
const day = moment('Day', `date_trunc('DAY', time)`);
const hour = moment('Hour', `date_trunc('HOUR', time)`);
const records = number('Records', 'sum(coalesce(count, 1))');
const last = moment('Last', 'max(time)');
const p50 = number('Half are faster than (ms)', 'percentile_approx(latency_ms, 0.5)');
const p95 = number('95 of 100 are faster than (ms)', 'percentile_approx(latency_ms, 0.95)');

/** `client.program` and the like are fields of columns; `details` is a map. */
export const datasets = {
  totals: {
    title: 'Totals',
    fields: {
      people: number('People', 'count(DISTINCT actor.sub)'),
      devices: number('Devices', 'count(DISTINCT host_id)'),
      minted: number('Tokens minted', `count_if(event_type = 'token.minted')`),
      denied: number('Refusals', `coalesce(sum(CASE WHEN status = 'denied' THEN coalesce(count, 1) END), 0)`),
      errors: number('Errors', `count_if(status = 'error')`),
    },
  },
  by_day: { title: 'Records by day', fields: { day, status: text('Outcome', 'status'), records }, order: 'day' },
  by_event: { title: 'What happened', fields: { event: text('Event', 'event_type'), records }, order: 'records DESC LIMIT 20' },
  devices: {
    title: 'Devices',
    fields: {
      device: text('Device', 'host_id'),
      version: text('Lakepass', 'max_by(app_version, time)'),
      last,
      newest: number('Newest record', 'max(seq)'),
      missing: number('Missing records', 'max(seq) - min(seq) + 1 - count(DISTINCT seq)'),
    },
    order: 'missing DESC, last',
  },
  alerts: {
    title: 'Alerts',
    fields: {
      at: moment('When', 'time'),
      alert: text('Alert', `details['alert']`),
      severity: text('Severity', `details['severity']`),
      about: text('About', `details['about']`),
      device: text('Device', 'host_id'),
      times: number('Times', 'count'),
    },
    where: `event_type = 'alert.raised'`,
    order: 'at DESC LIMIT 200',
  },
  refusals: {
    title: 'Refusals by day',
    fields: { day, code: text('Code', `coalesce(error_code, event_type)`), records },
    where: `status = 'denied'`,
    order: 'day',
  },
  access: {
    title: 'Access that was given',
    fields: {
      given: moment('Given', 'time'),
      person: text('Person', `coalesce(actor.sub, actor.kind)`),
      program: text('Program', 'client.program'),
      ai_agent: text('AI agent', 'client.ai_agent'),
      workspace: text('Workspace', 'target.workspace'),
      scopes: text('Scopes', `array_join(target.scopes, ' ')`),
      approved: text('Approved by', 'decision.approved_by'),
      until: text('Until', `details['until']`),
    },
    where: `event_type = 'grant.created'`,
    order: 'given DESC LIMIT 500',
  },
  denials: {
    title: 'Refused by policy',
    fields: {
      program: text('Program', 'client.program'),
      workspace: text('Workspace', 'target.workspace'),
      scopes: text('Scopes', `array_join(target.scopes, ' ')`),
      rules: text('Rules', `array_join(decision.rules, ' ')`),
      mode: text('Refused or observed', 'event_type'),
      records,
      last,
    },
    where: `event_type IN ('policy.denied', 'policy.observed')`,
    order: 'records DESC LIMIT 200',
  },
  answers: {
    title: 'Answers of people',
    fields: { purpose: text('What for', 'decision.purpose'), verdict: text('Answer', `coalesce(decision.verdict, 'none')`), records },
    where: `event_type IN ('consent.answered', 'consent.unanswered')`,
    order: 'records DESC',
  },
  agents: {
    title: 'AI agents',
    fields: {
      ai_agent: text('AI agent', 'client.ai_agent'),
      event: text('Event', 'event_type'),
      status: text('Outcome', 'status'),
      records,
      last,
    },
    where: 'client.ai_agent IS NOT NULL',
    order: 'records DESC LIMIT 200',
  },
  latency: { title: 'How long a token takes', fields: { hour, p50, p95 }, where: `event_type = 'token.minted'`, order: 'hour' },
  workspaces: {
    title: 'Workspaces',
    fields: {
      workspace: text('Workspace', 'target.workspace'),
      minted: number('Minted', `count_if(event_type = 'token.minted')`),
      failed: number('Failed', `count_if(event_type = 'token.mint-failed')`),
      p50,
      p95,
    },
    where: `event_type IN ('token.minted', 'token.mint-failed')`,
    order: 'failed DESC, minted DESC',
  },
  served: {
    title: 'Tokens handed out',
    fields: { day, event: text('Event', 'event_type'), records },
    where: `event_type IN ('token.served', 'token.served-again', 'token.printed')`,
    order: 'day',
  },
  failures: {
    title: 'Why no token could be minted',
    fields: { code: text('Code', 'error_code'), workspace: text('Workspace', 'target.workspace'), records, last },
    where: `event_type = 'token.mint-failed'`,
    order: 'records DESC LIMIT 100',
  },
  sign_ins: {
    title: 'Sign-ins by day',
    fields: { day, assurance: text('Proven', `coalesce(auth.assurance, status)`), records },
    where: `event_type IN ('session.signed-in', 'session.sign-in-failed')`,
    order: 'day',
  },
  people: {
    title: 'People',
    fields: {
      person: text('Person', 'coalesce(actor.email, actor.sub)'),
      issuer: text('Identity provider', 'actor.issuer'),
      assurance: text('Proven', 'auth.assurance'),
      ways: text('Ways of signing in', `array_join(auth.amr, ' ')`),
      devices: number('Devices', 'count(DISTINCT host_id)'),
      records,
      last,
    },
    where: `event_type = 'session.signed-in'`,
    order: 'last DESC LIMIT 500',
  },
  keys: {
    title: 'Keys',
    fields: {
      at: moment('When', 'time'),
      event: text('Event', 'event_type'),
      key: text('Key', 'coalesce(target.key, auth.key)'),
      model: text('Model', `coalesce(details['model'], auth.aaguid)`),
      verdict: text('Judged', 'decision.verdict'),
      device: text('Device', 'host_id'),
    },
    where: `event_type IN ('tap-key.added', 'tap-key.removed', 'tap-key.lost', 'tap-key.retired', 'tap-key.judged', 'key.registered-at-provider')`,
    order: 'at DESC LIMIT 200',
  },
  seals: {
    title: 'Newest seal of each device',
    fields: {
      device: text('Device', 'host_id'),
      sealed: moment('Sealed', 'max(time)'),
      size: number('Records under it', 'max(checkpoint.size)'),
    },
    where: `event_type = 'audit.checkpoint'`,
    order: 'sealed',
  },
  integrity: {
    title: 'What is wrong with a log',
    fields: {
      at: moment('When', 'time'),
      device: text('Device', 'host_id'),
      event: text('Event', 'event_type'),
      reason: text('Why', 'reason'),
      records: number('Records', 'count'),
      from_seq: text('From', `details['from_seq']`),
      to_seq: text('To', `details['to_seq']`),
    },
    where: `event_type IN ('audit.broken', 'audit.gap', 'audit.rewritten', 'audit.repaired', 'audit.export-skipped')`,
    order: 'at DESC LIMIT 200',
  },
  forged: {
    title: 'Records of one id that differ',
    fields: {
      record: text('Record', 'event_uid'),
      device: text('Device', 'host_id'),
      hashes: number('Hashes', 'count(DISTINCT chain.hash)'),
      last,
    },
    having: 'hashes > 1',
    order: 'last DESC LIMIT 100',
  },
} as const satisfies Record<string, Dataset>;

type Name = keyof typeof datasets;
type Widget =
  | { shows: 'counter'; of: Name; value: string }
  | { shows: 'bar' | 'line'; of: Name; x: string; y: readonly string[]; color?: string; title?: string }
  | { shows: 'table'; of: Name };

/** In rows, from left to right, each as wide as its neighbours. */
const pages: readonly { title: string; rows: readonly (readonly Widget[])[] }[] = [
  {
    title: 'Overview',
    rows: [
      (['people', 'devices', 'minted'] as const).map((value) => ({ shows: 'counter', of: 'totals', value })),
      (['denied', 'errors'] as const).map((value) => ({ shows: 'counter', of: 'totals', value })),
      [
        { shows: 'bar', of: 'by_day', x: 'day', y: ['records'], color: 'status' },
        { shows: 'bar', of: 'by_event', x: 'event', y: ['records'] },
      ],
      [{ shows: 'table', of: 'alerts' }],
      [{ shows: 'table', of: 'devices' }],
    ],
  },
  {
    title: 'Access Control',
    rows: [
      [
        { shows: 'bar', of: 'refusals', x: 'day', y: ['records'], color: 'code' },
        { shows: 'bar', of: 'answers', x: 'purpose', y: ['records'], color: 'verdict' },
      ],
      [{ shows: 'table', of: 'access' }],
      [{ shows: 'table', of: 'denials' }],
      [{ shows: 'table', of: 'agents' }],
    ],
  },
  {
    title: 'Performance',
    rows: [
      [
        { shows: 'line', of: 'latency', x: 'hour', y: ['p50', 'p95'] },
        { shows: 'bar', of: 'served', x: 'day', y: ['records'], color: 'event' },
      ],
      [{ shows: 'table', of: 'workspaces' }],
      [{ shows: 'table', of: 'failures' }],
    ],
  },
  {
    title: 'Identity & Audit',
    rows: [
      [{ shows: 'bar', of: 'sign_ins', x: 'day', y: ['records'], color: 'assurance' }],
      [{ shows: 'table', of: 'people' }],
      [{ shows: 'table', of: 'keys' }],
      [
        { shows: 'table', of: 'seals' },
        { shows: 'table', of: 'forged' },
      ],
      [{ shows: 'table', of: 'integrity' }],
    ],
  },
];

/** @param table catalog.schema.table, as `tableNameForm` demands */
export function dashboardOf(table: string): object {
  return {
    datasets: Object.entries<Dataset>(datasets).map(([name, dataset]) => ({
      ...{ name, displayName: dataset.title, queryLines: queryOf(dataset, quoted(viewOf(table))) },
    })),
    pages: pages.map(({ title, rows }, at) => ({ name: `page-${at + 1}`, displayName: title, layout: layoutOf(rows, `page-${at + 1}`) })),
  };
}

/** Its lines, each with its end. */
function queryOf({ fields, where, having, order }: Dataset, view: string): string[] {
  const names = Object.entries(fields).map(([name, { sql }]) => `${sql} AS ${name}`);
  const lines = [
    `SELECT ${names.join(', ')}`,
    `FROM ${view}`,
    `WHERE time >= current_timestamp() - INTERVAL 30 DAYS${where === undefined ? '' : ` AND ${where}`}`,
    'GROUP BY ALL',
    ...(having === undefined ? [] : [`HAVING ${having}`]),
    ...(order === undefined ? [] : [`ORDER BY ${order}`]),
  ];
  return lines.map((line, at) => (at === lines.length - 1 ? line : `${line}\n`));
}

/** The canvas is six columns wide. */
const WIDTH = 6;
const heights = { counter: 2, bar: 6, line: 6, table: 6 } as const;

function layoutOf(rows: readonly (readonly Widget[])[], page: string): object[] {
  let y = 0;
  return rows.flatMap((row, at) => {
    const width = Math.floor(WIDTH / row.length);
    const height = Math.max(...row.map(({ shows }) => heights[shows]));
    const placed = row.map((widget, column) => ({
      widget: widgetOf(widget, `${page}-${at + 1}-${column + 1}`),
      position: { x: column * width, y, width, height },
    }));
    y += height;
    return placed;
  });
}

function widgetOf(widget: Widget, name: string): object {
  const { title, fields }: Dataset = datasets[widget.of];
  const used = usedIn(widget, fields);
  const query = { datasetName: widget.of, fields: used.map((each) => ({ name: each, expression: `\`${each}\`` })), disaggregated: true };
  const shown = widget.shows === 'counter' ? (fields[widget.value]?.title ?? title) : title;
  return {
    name,
    queries: [{ name: 'main_query', query }],
    spec: { ...specOf(widget, fields), widgetType: widget.shows, frame: { showTitle: true, title: shown } },
  };
}

function usedIn(widget: Widget, fields: Dataset['fields']): string[] {
  if (widget.shows === 'counter') return [widget.value];
  if (widget.shows === 'table') return Object.keys(fields);
  return [widget.x, ...widget.y, ...(widget.color === undefined ? [] : [widget.color])];
}

const scales: Readonly<Record<Kind, string>> = { text: 'categorical', number: 'quantitative', moment: 'temporal' };
const cellTypes: Readonly<Record<Kind, object>> = {
  text: { type: 'string', displayAs: 'string', alignContent: 'left' },
  number: { type: 'integer', displayAs: 'number', alignContent: 'right' },
  moment: { type: 'datetime', displayAs: 'datetime', alignContent: 'left' },
};

function specOf(widget: Widget, fields: Dataset['fields']): object {
  const named = (fieldName: string) => ({ fieldName, displayName: fields[fieldName]?.title ?? fieldName });
  const scaled = (fieldName: string) => ({ ...named(fieldName), scale: { type: scales[fields[fieldName]?.kind ?? 'text'] } });
  if (widget.shows === 'counter') return { version: 2, encodings: { value: named(widget.value) } };
  if (widget.shows === 'table') {
    const columns = Object.entries(fields).map(([fieldName, { title, kind }], order) => ({
      ...{ fieldName, displayName: title, title, ...cellTypes[kind], visible: true, order: 100_000 + order },
    }));
    return { version: 1, encodings: { columns } };
  }
  const [first = '', ...others] = widget.y;
  const y = others.length === 0 ? scaled(first) : { fields: widget.y.map(named), scale: { type: 'quantitative' } };
  return { version: 3, encodings: { x: scaled(widget.x), y, ...(widget.color === undefined ? {} : { color: scaled(widget.color) }) } };
}
