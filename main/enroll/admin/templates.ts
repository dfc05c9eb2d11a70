/** The files that an admin begins with. The bundle and the policy can be signed as they are; the configuration is theirs to write. */

/** @param organization one line, as the schema of the bundle takes it */
export const bundleTemplate = (
  organization: string,
  bundleId: string,
): string => `# What devices are told, beside policy.yaml and config.yaml in this folder. \`lakepass admin bundle\` checks, signs and writes it.
version: 1
organization: ${JSON.stringify(organization)}
bundleId: ${bundleId} # Never changes: devices know your company by it.
revision: 0 # Counted by \`lakepass admin bundle\`. Devices never go back.

# A device without a newer bundle gets no new token after this time; 400 d at most.
expiresAfter: 90 d

# What the tap keys of a person have to be.
tapKeys:
  atLeast: 1
  # models: [ee882879-721c-4913-9775-3dfcce97072a] # AAGUIDs; any without it.
  attested: false # true: the model is proven by its maker.
  hardwareBound: false # true: no key that is copied between devices.

# By group of your identity provider, to the letter: enforce or observe. In several groups, enforce wins; in none, the policy's own mode holds.
modes: {}

# \`lakepass admin revoke\` adds to it.
revoked:
  devices: []
  persons: []

# \`lakepass admin exempt\` adds to it; what is over is dropped with the next bundle.
exemptions: []

# Settings: a value, and whether it is \`locked\`, a \`default\`, or one that people \`userMayTighten\`. For instance:
#   longestGrant: { value: 8 h, mode: userMayTighten }
#   printedTokens: { value: forbidden, mode: locked }
settings: {}

# Where devices send their signed records, a folder or an https address:
# records: { url: "https://records.acme.example/lakepass" }
`;

export const policyTemplate = `# Who gets which scopes, through which programs. \`lakepass policy check\` and \`lakepass policy explain\` try it without a device.
version: 1
id: company
revision: 1 # Count up with every change.
mode: observe # Decides and records, but refuses only what is always refused. Write enforce when the records look right.

identities:
  - { match: { anyone: true }, roles: [person] }

callers:
  program: { kinds: [program] }
  ai-agent: { kinds: [ai-agent] }

roles:
  person:
    grants:
      - { id: programs, workspaces: ["*"], scopes: [notebook, sql, ml, bi], callers: [program], maxLife: 12 h, approval: tap }
      - { id: ai-agents, workspaces: ["*"], scopes: [sql], callers: [ai-agent], maxLife: 1 h, approval: tap }

deny:
  - { id: no-all-apis, scopes: [all-apis] }
  - { id: no-jobs-for-ai-agents, scopes: [jobs], callers: [ai-agent] }

# They run before every bundle, as if the policy enforced; one that fails stops it.
tests:
  - { name: a notebook gets its scopes, given: { scopes: [notebook] }, expect: allow }
  - { name: an AI agent may query, given: { scopes: [sql], kind: ai-agent, aiAgent: claude }, expect: allow }
  - { name: an AI agent starts no jobs, given: { scopes: [jobs], kind: ai-agent, aiAgent: claude }, expect: deny }
  - { name: a container gets nothing, given: { scopes: [sql], kind: container }, expect: deny, code: CALLER_REFUSED }
  - { name: nobody gets everything, given: { scopes: [all-apis] }, expect: deny }
`;

export const configTemplate = `# The profiles of your company, as in the config.yaml of a person. While it is all comments, the bundle says nothing of profiles.
#
# version: 1
# profiles:
#   acme:
#     idp:
#       preset: okta # okta, okta-custom, entra, auth0, google, pingone, keycloak, databricks; leave it out for another one
#       issuer: https://acme.okta.com # To the letter; a trailing slash counts.
#       clientId: 0oa1b2c3 # A public (native) client.
#     workspaces:
#       - { name: main, host: https://acme.cloud.databricks.com }
`;
