/** Reads the Prometheus text format (version 0.0.4) as strictly as its description is written, for tests. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|\+Inf|NaN)$/;
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/y;
const endings: Record<string, RegExp> = { counter: /^$/, gauge: /^$/, histogram: /^_(bucket|sum|count)$/ };

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelForm.lastIndex = 0;
  while (labelForm.lastIndex < text.length) {
    const found = labelForm.exec(text);
    if (found === null) throw new Error(`labels: ${text}`);
    const [, name = '', value = ''] = found;
    if (Object.hasOwn(labels, name)) throw new Error(`label twice: ${name}`);
    labels[name] = value.replace(/\\(.)/g, (_, each: string) => (each === 'n' ? '\n' : each));
  }
  return labels;
}

/** @throws Error what is not of the format: a sample without its head, a head or a sample twice, a line that is neither */
export function readExposition(text: string): Sample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const seen = new Set<string>();
  let family = '';
  return text
    .slice(0, -1)
    .split('\n')
    .flatMap((line): Sample[] => {
      const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
      if (kind === 'HELP') {
        if (types.has(name)) throw new Error(`family twice: ${name}`);
        family = name;
        return [];
      }
      if (kind === 'TYPE') {
        if (name !== family || !(rest in endings)) throw new Error(`type: ${line}`);
        types.set(name, rest);
        return [];
      }
      const [, sample = '', labels = '', value = ''] = sampleForm.exec(line) ?? [];
      if (!sample.startsWith(family) || endings[types.get(family) ?? '']?.test(sample.slice(family.length)) !== true)
        throw new Error(`no sample of ${family}: ${line}`);
      const key = line.slice(0, line.lastIndexOf(' '));
      if (seen.has(key)) throw new Error(`twice: ${key}`);
      seen.add(key);
      return [{ name: sample, labels: labelsOf(labels), value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) }];
    });
}
