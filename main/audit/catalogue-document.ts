/** `docs/audit-events.md`, put together from the tables. */
import { catalogueText } from './catalogue.ts';
import { ocsfName } from './ocsf.ts';

export const catalogueDocument = (): string => `# What leaves the device

Every event of the audit log, and what of it goes to the sinks under \`audit:\` in the configuration. Made from \`main/audit/catalogue.ts\` and
\`main/audit/ocsf.ts\` by \`node main/audit/publish-catalogue.ts\`; a test compares.

Each record has \`schema\`, \`event_uid\`, \`seq\`, \`time\`, \`host_id\`, \`app_version\`, \`event_type\`, \`action\`, \`status\` and \`chain\` (\`prev\`, \`hash\`), and
beside them what the table names under "leaves as", where the event says it. \`main/audit/envelope.ts\` has the schema.

- A record may arrive more than once: \`event_uid\` is the same then. Within one device \`seq\` goes up by one; a sink that leaves records out
  says so with \`audit.export-skipped\`.
- \`client.program\` is the name of a program's file, without its folder. Command lines, folders, notebooks and the names that people give to
  runs and keys do not leave.
- E-mail addresses leave as they are, or with \`pseudonymize: true\` as a word (\`p-\` and 32 hex digits) that is the same for one person on one
  device and says nothing to anybody else.
- A record of a type that this version does not know, or whose fields are not what its type demands, leaves as those first fields alone.

${catalogueText(ocsfName)}
`;
