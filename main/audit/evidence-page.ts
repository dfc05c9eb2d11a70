/**
 * The evidence as one page for a browser or a printer: no script, nothing from elsewhere. Names in it were chosen by programs and people,
 * so every text is escaped, and the page's own policy forbids whatever would get through.
 */
import { escapeHtml } from '../html.ts';
import type { Envelope } from './envelope.ts';
import { type Access, type Evidence, type Person, type SectionName, sectionNames } from './evidence.ts';
import { fieldWords, sentFields } from './field-words.ts';

/** A bidi mark could turn the words of a row around. */
const turning = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
function escaped(text: string): string {
  let safe = text;
  // check: evidence-escaped
  safe = escapeHtml(text.replace(turning, '\ufffd'));
  // end check
  return safe;
}

const sections: Record<SectionName, { title: string; about: string }> = {
  approvals: {
    title: 'Requests and approvals',
    about: 'What programs asked for, who answered and how: by a click, or by the touch of a key.',
  },
  refusedSignIns: { title: 'Sign-ins and renewals that failed', about: 'Also answers of the provider that did not pass the checks.' },
  keys: {
    title: 'Keys, secrets and attestations',
    about: 'Keys added, lost, removed and judged, how the vault is sealed, and whose key signs this log.',
  },
  rules: {
    title: 'Changes of policy and configuration',
    about: 'Each with what held before it. The texts themselves are not in the log: a digest tells which they were.',
  },
  settings: { title: 'Settings that were changed', about: 'On the device, within what the company leaves to its people.' },
  ends: {
    title: 'Leavers: sessions, devices, offboarding',
    about: 'Access that was given ends with these; the access tables say when each did.',
  },
  alerts: { title: 'Alerts', about: 'What Lakepass itself held to be worth a look.' },
  gaps: { title: 'Gaps', about: 'What the log says it lacks, or had to mend.' },
};

const style = `:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 22%,transparent);--soft:color-mix(in srgb,currentColor 7%,transparent)}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;max-width:90rem;margin:0 auto;padding:2rem 1.25rem}
h1{font-size:1.8rem;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.6rem 0 .4rem;padding-top:.6rem;border-top:2px solid var(--line)}h3{font-size:1.02rem;margin:1.5rem 0 .3rem}
p{margin:.3rem 0 .7rem;max-width:62rem}ul{margin:.2rem 0 .8rem;padding-left:1.3rem;max-width:62rem}nav ul{columns:3 15rem;list-style:none;padding:0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:.8rem 0}dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}
.verdict{border:1px solid var(--line);border-left-width:.4rem;border-radius:.3rem;padding:.7rem 1rem;background:var(--soft)}.bad{border-left-color:#c62828}.good{border-left-color:#2e7d32}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.87rem;margin:.3rem 0 .8rem}caption{text-align:left;font-weight:600;padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:break-word}thead th{white-space:nowrap}
.same caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}td{min-width:4rem}.said{min-width:16rem;overflow-wrap:anywhere}.time,.number{white-space:nowrap;font-variant-numeric:tabular-nums}small{opacity:.78}a{color:inherit}a:focus-visible,.wide:focus-visible{outline:2px solid}
@media print{@page{size:A4 landscape;margin:12mm}:root{color-scheme:light}body{max-width:none;font-size:9.5pt;padding:0}nav{display:none}thead{display:table-header-group}tr{break-inside:avoid}h2,h3,caption{break-after:avoid}.wide{overflow:visible}table{font-size:8.5pt}}`;

/** @param parts.hasLog whether the folder holds the log itself @returns an HTML document, UTF-8 */
export function evidencePage(evidence: Evidence, { hasLog }: { hasLog: boolean }): string {
  const { persons, sections: found, integrity } = evidence;
  const whom = evidence.person === null ? '' : ` about ${evidence.person}`;
  const contents = [
    ['integrity', 'Integrity of the log'],
    ['persons', `Who had access (${persons.length}${evidence.unlistedPersons === 0 ? '' : ' and more'})`],
    ...sectionNames.map((name) => [name, `${sections[name].title} (${found[name].rows.length + found[name].unlisted})`]),
    ['refusals', `Refusals by code (${evidence.refusals.length})`],
    ['agents', `AI agents (${evidence.aiAgents.length})`],
    ['bundle', 'Exemptions and revocations'],
    ['words', 'Words, clock and retention'],
  ] as const;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Lakepass evidence${escaped(whom)}, ${escaped(day(evidence.from))} to ${escaped(day(evidence.to))}</title><style>${style}</style></head><body>
<header><h1>Lakepass evidence${escaped(whom)}</h1>
<dl>${term('Period', `${moment(evidence.from)} until before ${moment(evidence.to)}; all times are UTC (+00:00)`)}${term('Device', evidence.device)}${term('Records', `${evidence.records} of the period${evidence.person === null ? '' : ' that are of this person or of the device as a whole'}`)}${term('Made', `${moment(evidence.made.at)} by Lakepass ${evidence.made.version}`)}${evidence.pseudonymous ? term('People', 'stand as words that mean somebody in this folder alone') : ''}${term('The log itself', hasLog ? 'in audit/ beside this page; HOW-TO-VERIFY.txt says how to check it anywhere' : 'not in this folder, for others are in it or people stand under their names; it stays on the device')}</dl></header>
<nav aria-label="Contents"><ul>${contents.map(([id, title]) => `<li><a href="#${id}">${escaped(title)}</a></li>`).join('')}</ul></nav>
<main>
<section id="integrity"><h2>Integrity of the log</h2>${integrityPart(integrity)}</section>
<section id="persons"><h2>Who had access to what</h2>
<p>Each person with the sign-ins of the period and every access that was open in it, also where it was given before. <small>#12 is record 12 of the log.</small></p>
${persons.length === 0 ? `<p>${evidence.person === null ? 'Nobody.' : 'No record of the period says that this person had any.'}</p>` : persons.map(personPart).join('\n')}
${more(evidence.unlistedPersons, 'acts of further persons')}</section>
${sectionNames.map((name) => sectionPart(name, found[name], name === 'rules' ? evidence.heldBefore : [])).join('\n')}
<section id="refusals"><h2>Refusals by code</h2><p>With what each record stands for: one may count many.</p>${countsTable('Refusals', 'Code', evidence.refusals)}</section>
<section id="agents"><h2>AI agents</h2><p>Programs that say they are one, or were recognised as one.</p>${countsTable('Acts of AI agents', 'Agent and act', evidence.aiAgents)}</section>
<section id="bundle"><h2>Exemptions and revocations</h2>${bundlePart(evidence)}</section>
<section id="words"><h2>Words, clock and retention</h2>${wordsPart(evidence)}</section>
</main></body></html>
`;
}

const day = (time: string): string => time.slice(0, 10);
/** `2026-01-05 09:00:00.123` */
const moment = (time: string): string => time.replace('T', ' ').replace(/(\.000)?Z$/, '');
/** Of an address as Databricks has it. */
const host = (address: string): string => address.replace(/^https:\/\//, '');
const term = (name: string, text: string): string => `<dt>${escaped(name)}</dt><dd>${escaped(text)}</dd>`;
const more = (unlisted: number, what = 'rows'): string =>
  unlisted === 0 ? '' : `<p><strong>${unlisted} more ${escaped(what)} are not listed here; the log has them.</strong></p>`;
const list = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `<h3>${escaped(title)}</h3><ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`;

const keyWords: Readonly<Record<Evidence['integrity']['keysFrom'], string>> = {
  given: 'given by whoever made this',
  agent: 'as the agent that runs on the device says',
  log: 'as the log itself names it',
};

function integrityPart({ ok, problems, notes, unlisted, proven, cannotProve, first, last, keys, keysFrom }: Evidence['integrity']): string {
  const verdict = ok
    ? 'No problem was found in the log. What that proves, and what it does not, stands below.'
    : 'The log has problems: nothing is proven by it, and what this page says may be false or lack something.';
  const by = keys.length === 0 ? 'no key' : `${keys.join(', ')} (${keyWords[keysFrom]})`;
  const span = first === null || last === null ? 'no record' : `#${first.seq} of ${moment(first.at)} to #${last.seq} of ${moment(last.at)}`;
  return `<p class="verdict ${ok ? 'good' : 'bad'}"><strong>${verdict}</strong></p>
<dl>${term('Checked', span)}${term('Checkpoints by', by)}${last === null ? '' : term('Hash of the last', last.hash)}</dl>
${list('Problems', problems)}${list('Proven', proven)}${list('Cannot be proven', cannotProve)}${list('Notes: gaps, clock, ends', notes)}${more(unlisted, 'problems and notes')}`;
}

function personPart(person: Person): string {
  const about = [person.kind === 'service-principal' ? 'service principal' : person.issuer, `subject ${person.subject}`]
    .filter(Boolean)
    .join(', ');
  const signIns = person.signIns.rows.map((each) =>
    row([time(each.time, each.seq), each.profile, each.assurance, each.acr, each.amr, each.authTime === '' ? '' : moment(each.authTime)]),
  );
  return `<h3>${escaped(person.name)} <small>${escaped(about)}</small></h3>
${table(`Access of ${person.name}`, ['Given', 'Workspace', 'Scopes', 'Program', 'Approved by', 'Proven by', 'Until', 'Ended', 'Tokens'], person.access.rows.map(accessRow))}${more(person.access.unlisted)}
${person.kind === 'service-principal' ? '' : `${table(`Sign-ins of ${person.name}`, ['When', 'Profile', 'Assurance', 'acr', 'amr', 'Proven to the provider'], signIns)}${more(person.signIns.unlisted)}`}`;
}

const proofText = ({ assurance, acr, amr }: NonNullable<Access['proof']>): string =>
  [assurance, acr === '' ? '' : `acr ${acr}`, amr === '' ? '' : `amr ${amr}`].filter(Boolean).join(', ');

function accessRow(access: Access): string {
  const { proof, ended, widened, aiAgent, until } = access;
  const grown = widened.map((each) => `; since #${each.seq} ${each.scopes.join(' ')}, approved by ${each.approvedBy}`).join('');
  return row([
    time(access.from, access.seq),
    host(access.workspace),
    `${access.scopes.join(' ')}${grown}`,
    aiAgent === '' ? access.program : `${access.program} (AI agent: ${aiAgent})`,
    access.approvedBy,
    proof === null ? 'no sign-in in this log' : `sign-in #${proof.seq}: ${proofText(proof)}`,
    until === '' ? '' : html('time', moment(until)),
    ended === null ? 'no act in this log' : raw(`${time(ended.time, ended.seq).html} ${escaped(ended.why)}`),
    html('number', String(access.answers)),
  ]);
}

function sectionPart(name: SectionName, { rows, unlisted }: Evidence['sections'][SectionName], heldBefore: readonly string[]): string {
  const { title, about } = sections[name];
  const hasBefore = name === 'rules' || name === 'settings';
  const heads = ['When', 'What happened', 'Who', 'Outcome', 'What the record says', ...(hasBefore ? ['Before'] : [])];
  const lines = rows.map(({ record, who, before }) =>
    row([
      time(record.time, record.seq),
      record.event_type,
      who ?? '',
      record.status,
      html('said', saidOf(record)),
      ...(hasBefore ? [before ?? 'nothing that this log knows'] : []),
    ]),
  );
  return `<section id="${name}"><h2>${escaped(title)}</h2><p>${escaped(about)}</p>${list('Held when the period began', heldBefore)}${table(title, heads, lines, 'same')}${more(unlisted)}</section>`;
}

function bundlePart({ bundle, sections: { rules } }: Evidence): string {
  const accepted = rules.rows.filter(({ record }) => record.event_type === 'bundle.accepted').length;
  if (bundle === null)
    return `<p>The log names each bundle by its digest (${accepted} accepted in the period, under <a href="#rules">changes of policy</a>); its text, with exemptions and revocations, is where the company publishes it. Give that file (<code>--bundle</code>) and it stands here, once its signature and digest are shown to be those that the log names.</p>`;
  const rows = bundle.exemptions.map(({ id, person, rule, from, until, reason }) =>
    row([id, person, rule, html('time', moment(from)), html('time', moment(until)), reason]),
  );
  return `<p>By the bundle that was given beside the log; the log names it as accepted, by this digest and this key.</p>
<dl>${term('Organization', bundle.organization)}${term('Revision', String(bundle.revision))}${term('Digest', bundle.digest)}${term('Signed by', bundle.signedBy)}${term('Holds until', moment(bundle.expires))}</dl>
${table('Exemptions', ['Id', 'Person', 'Rule', 'From', 'Until', 'Reason'], rows)}
${list('Revoked persons', bundle.revokedPersons) || '<p>No person is revoked in it.</p>'}${list('Revoked devices', bundle.revokedDevices)}`;
}

function wordsPart({ integrity: { first } }: Evidence): string {
  return `<dl>${term('Who', 'the person that the record names, or whose access or request it is about; where it names none, the only one who was signed in then. Where two could be meant, nobody')}${term('Proven by', 'the newest sign-in of that person to that profile before the access was given')}${term('Assurance', 'how strongly the provider says a sign-in was proven: phr (phishing-resistant) > config-asserted (the company says its provider does so) > mfa > unknown')}${term('acr, amr', 'the provider’s own words for it (OpenID Connect Core, RFC 8176)')}${term('Approved by', 'policy: a rule allowed it without asking; click, tap: a person did, in the window or by a touch; each-program: each program is asked for when it first uses it')}${term('Until', 'the longest it could last; a token that was handed out lives to its own end')}${term('Tokens', 'answers with a token within the period; most repeat one token that is still good')}${term('Clock', 'the device’s own, which Lakepass does not set. Each checkpoint also signs how long the machine was on, so that a clock that was set between two shows among the notes')}${term('Retention', `Lakepass deletes nothing of its log, at a reset no more than otherwise. Here it begins with ${first === null ? 'nothing' : `record ${first.seq} of ${moment(first.at)}`}`)}</dl>`;
}

const countsTable = (title: string, what: string, counts: Evidence['refusals']): string =>
  table(
    title,
    [what, 'Times', 'First', 'Last'],
    counts.map(({ name, count, first, last }) =>
      row([name, html('number', String(count)), html('time', moment(first)), html('time', moment(last))]),
    ),
    'same',
  );

interface Raw {
  html: string;
  kind?: string;
}
const raw = (text: string): Raw => ({ html: text });
const html = (kind: string, text: string): Raw => ({ html: escaped(text), kind });
const time = (at: string, seq: number): Raw => ({ html: `<span class="time">${escaped(moment(at))}</span> <small>#${seq}</small>` });
const row = (cells: readonly (string | Raw)[]): string =>
  `<tr>${cells
    .map((cell) => {
      if (typeof cell === 'string') return `<td>${escaped(cell)}</td>`;
      return cell.kind === undefined ? `<td>${cell.html}</td>` : `<td class="${cell.kind}">${cell.html}</td>`;
    })
    .join('')}</tr>`;

function table(title: string, heads: readonly string[], rows: readonly string[], caption: 'same' | 'own' = 'own'): string {
  if (rows.length === 0) return `<p>${escaped(title)}: none in the period.</p>`;
  const head = heads.map((name) => `<th scope="col">${escaped(name)}</th>`).join('');
  return `<div class="wide ${caption}" tabindex="0" role="region" aria-label="${escaped(title)}"><table><caption>${escaped(title)}</caption><thead><tr>${head}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

/** Those of the page on which a person sees their own speak to that person. */
const wordsFor: Readonly<Record<string, string>> = {
  ...fieldWords,
  ...{ 'actor.issuer': 'Identity provider', 'actor.sub': 'Subject', 'actor.email': 'User name', 'actor.kind': 'Kind' },
  ...{
    'decision.purpose': 'Asked for',
    'decision.how': 'Answered by',
    'decision.ask': 'Request',
    'client.program': 'Program',
    'auth.acr': 'acr',
    'auth.auth_time': 'Signed in there',
  },
};
const inOtherColumns = new Set(['schema', 'event_uid', 'seq', 'time', 'host_id', 'app_version', 'event_type', 'action', 'status', 'chain']);
/** What a record says beyond its head, as `name: value` in plain words. */
function saidOf(said: Envelope): string {
  return sentFields(said)
    .filter(({ name }) => !inOtherColumns.has(name.replace(/\..*/, '')))
    .map(({ name, value }) => `${wordsFor[name] ?? name}: ${Array.isArray(value) ? value.join(' ') : String(value)}`)
    .join('; ');
}
