/** A span that was sent, field by field, with plain words for each, for whoever looks at what has left the device. */
import type { SentField } from '../../preload/contract/audit.ts';

const words: Readonly<Record<string, string>> = {
  'service.name': 'Name of the program that sent it',
  'service.version': 'Version of Lakepass',
  'service.instance.id': 'Id of this device; not its name',
  name: 'What took time',
  kind: 'Sort of span',
  traceId: 'Id of the whole',
  spanId: 'Id of this part',
  parentSpanId: 'Id of the part above it',
  links: 'Id of the token that it got',
  startTimeUnixNano: 'When it began, in nanoseconds since 1970',
  endTimeUnixNano: 'When it was over',
  status: 'Whether it came to nothing',
  'lakepass.profile': 'Profile',
  'lakepass.request_id': 'Id of the request at Databricks',
  'server.address': 'Host of the workspace',
  'lakepass.scopes': 'Scopes',
  'error.type': 'Code of the refusal or failure',
};

interface Attribute {
  key: string;
  value: { stringValue?: string; arrayValue?: { values: { stringValue: string }[] } };
}
interface Body {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: ({ attributes: Attribute[]; links?: { traceId: string }[]; status: { code: number } } & Record<string, unknown>)[];
    }[];
  }[];
}

/** @param body of an ExportTraceServiceRequest, as `otlpSpans` makes it */
export function lastSpanFields(body: object): SentField[] {
  const [ofDevice] = (body as Body).resourceSpans;
  const span = ofDevice?.scopeSpans[0]?.spans.at(-1);
  if (ofDevice === undefined || span === undefined) return [];
  const { attributes, links = [], status, ...plain } = span;
  return [
    ...Object.entries(plain).map(([name, value]) => field(name, String(value))),
    ...(links.length === 0 ? [] : [field('links', links.map(({ traceId }) => traceId).join(', '))]),
    field('status', String(status.code)),
    ...[...attributes, ...ofDevice.resource.attributes].map(({ key, value }) => field(key, plainOf(value))),
  ];
}

const field = (name: string, value: SentField['value']): SentField => ({
  name,
  means: Object.hasOwn(words, name) ? String(words[name]) : '',
  value,
});

const plainOf = ({ stringValue = '', arrayValue }: Attribute['value']): SentField['value'] =>
  arrayValue === undefined ? stringValue : arrayValue.values.map((each) => each.stringValue);
