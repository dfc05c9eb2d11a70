/**
 * Programs that are known to ask for others: AI agents, and forwarders, behind which anybody may be. Data, not proof: whoever wants to
 * hide can rename a file. A match makes what is asked of a person stricter and never looser, so what a program says of itself
 * (its command line) counts here as much as what the system says of it.
 */
import type { ProcessFacts } from './caller.ts';

interface KnownProgram {
  name: string;
  /** Names of its file, without folder and `.exe`. */
  files: readonly string[];
  /** Part of the path of its file or of the script an interpreter runs, for programs whose file says nothing. */
  paths?: readonly string[];
  /** As an argument of Python's -m. */
  modules?: readonly string[];
}

/**
 * Editors are in it whose AI agent types into the same terminals as the person: the two cannot be told apart there. A few names are
 * used by other programs as well (`goose` migrates databases too); these are then treated as AI agents until their person is asked.
 */
export const aiAgents: readonly KnownProgram[] = [
  { name: 'claude', files: ['claude', 'claude-code'], paths: ['/@anthropic-ai/claude-code/', '/claude/versions/'] },
  { name: 'codex', files: ['codex', 'codex-cli'], paths: ['/@openai/codex/'] },
  { name: 'cursor', files: ['cursor', 'cursor-agent'], paths: ['/cursor-agent/'] },
  { name: 'copilot', files: ['copilot', 'copilot-cli', 'copilot-agent'], paths: ['/@github/copilot/', '/copilot-language-server/'] },
  { name: 'gemini', files: ['gemini', 'gemini-cli'], paths: ['/@google/gemini-cli/'] },
  { name: 'aider', files: ['aider'], paths: ['/aider-chat/'], modules: ['aider', 'aider.main'] },
  { name: 'goose', files: ['goose', 'goosed'] },
  { name: 'opencode', files: ['opencode'], paths: ['/opencode-ai/'] },
  { name: 'cline', files: ['cline', 'cline-core'], paths: ['/@cline/', '/cline/bin/'] },
  { name: 'windsurf', files: ['windsurf'] },
  { name: 'amp', files: ['amp'], paths: ['/@sourcegraph/amp/'] },
  { name: 'qwen', files: ['qwen', 'qwen-code'], paths: ['/@qwen-code/qwen-code/'] },
  { name: 'crush', files: ['crush'], paths: ['/@charmland/crush/'] },
  { name: 'auggie', files: ['auggie'], paths: ['/@augmentcode/auggie/'] },
  { name: 'droid', files: ['droid'] },
  { name: 'kiro', files: ['kiro', 'kiro-cli', 'qchat'] },
  { name: 'openhands', files: ['openhands'], modules: ['openhands', 'openhands.cli'] },
  { name: 'interpreter', files: [], paths: ['/bin/interpreter'], modules: ['interpreter'] },
  { name: 'kimi', files: ['kimi', 'kimi-cli'] },
  { name: 'zed', files: ['zed-agent', 'claude-code-acp', 'codex-acp'] },
  { name: 'continue', files: ['cn'], paths: ['/@continuedev/cli/'] },
  { name: 'jules', files: ['jules'], paths: ['/@google/jules/'] },
  { name: 'plandex', files: ['plandex'] },
];

interface KnownForwarder {
  files: readonly string[];
  /** It forwards only when run with one of these; without them it is a program like others. */
  when?: readonly string[];
}

/** Forwarders by the name of their file. `*` stands for anything. */
export const forwarders: readonly KnownForwarder[] = [
  { files: ['ssh', 'sshd', 'sshd-session', 'sshd-auth', 'autossh', 'dropbear', 'dbclient', 'plink', 'sshuttle'] },
  { files: ['socat', 'socat1', 'nc', 'ncat', 'netcat', 'nc.openbsd', 'nc.traditional', 'redir', 'rinetd', 'simpleproxy', 'balance'] },
  {
    files: ['stunnel', 'stunnel4', 'ghostunnel', 'systemd-socket-proxyd', 'microsocks', 'sockd', '3proxy', 'gost', 'tinyproxy', 'privoxy'],
  },
  { files: ['nginx', 'haproxy', 'envoy', 'caddy', 'traefik', 'squid', 'mitmdump', 'mitmproxy', 'mitmweb'] },
  {
    files: [
      'docker-proxy',
      'rootlessport',
      'rootlesskit',
      'rootlesskit-docker-proxy',
      'com.docker.backend',
      'com.docker.vpnkit',
      'vpnkit*',
    ],
  },
  { files: ['slirp4netns', 'pasta', 'pasta.avx2', 'passt', 'passt.avx2', 'gvproxy', 'gvforwarder', 'vmnet-natd'] },
  { files: ['qemu-system-*', 'VBoxHeadless', 'VirtualBoxVM', 'VBoxNetNAT', 'limactl', 'crosvm', 'wslrelay', 'wslhost'] },
  { files: ['tailscaled', 'tailscale', 'nebula', 'zerotier-one', 'netbird', 'twingate'] },
  { files: ['chisel', 'frpc', 'frps', 'cloudflared', 'ngrok', 'bore', 'rathole', 'inlets', 'pinggy', 'localxpose', 'zrok', 'devtunnel'] },
  { files: ['tsh', 'boundary', 'session-manager-plugin', 'telepresence', 'ktunnel', 'adb', 'iproxy'] },
  { files: ['kubectl', 'oc', 'k3s', 'minikube'], when: ['port-forward', 'proxy', 'tunnel'] },
];

/** The last part of a path without `.exe` and the kernel's ` (deleted)`. */
export const baseName = (path: string): string =>
  path
    .replace(/ \(deleted\)$/, '')
    .replace(/^.*[/\\]/s, '')
    .replace(/\.exe$/i, '');

/** One file that is many programs goes by the name it was called with. */
const manyInOne = new Set(['busybox', 'toybox', 'coreutils']);

/** The name of a process's file, as known programs are listed. Null where the system does not say. */
export function fileName({ executable, commandLine }: Pick<ProcessFacts, 'executable' | 'commandLine'>): string | null {
  if (executable === null) return null;
  const name = baseName(executable);
  return manyInOne.has(name) ? baseName(commandLine?.[0] ?? name) : name;
}

/** Whether the file alone shows that the process is this AI agent; the command line is not asked. */
export function fileShowsAiAgent(name: string, { executable }: Pick<ProcessFacts, 'executable'>): boolean {
  if (executable === null) return false;
  const base = baseName(executable);
  const known = aiAgents.find((agent) => agent.name === name);
  return known === undefined ? base === name : known.files.includes(base) || hasPath(known, withSlashes(executable));
}

/**
 * The AI agent that a process is, by its file, or by what it was called as and the script it runs.
 *
 * @param script as `readInterpreter` finds it
 * @param extra further names of files or scripts
 */
export function findAiAgent(process: ProcessFacts, script: string | null, extra: readonly string[]): string | null {
  const { executable, commandLine } = process;
  const paths = [executable, commandLine?.[0] ?? null, script].filter((path) => path !== null).map(withSlashes);
  const names = new Set(paths.map((path) => baseName(path).replace(/\.(?:[cm]?js|ts|py|sh)$/, '')));
  const module = script?.startsWith('-m ') ? script.slice(3) : undefined;
  const known = aiAgents.find(
    (agent) =>
      agent.files.some((file) => names.has(file)) ||
      paths.some((path) => hasPath(agent, path)) ||
      (module !== undefined && agent.modules?.includes(module)),
  );
  return known?.name ?? extra.find((name) => names.has(name) || name === module) ?? null;
}

/** The AI agent that a program is by its name or path, before it runs. */
export const aiAgentNamed = (program: string, extra: readonly string[] = []): string | null =>
  findAiAgent({ pid: 0, startTicks: 0, uid: -1, executable: program, commandLine: null, folder: null, cgroup: null }, null, extra);

/** The forwarder that a process is; its own name for a file of many names. */
export function findForwarder(process: ProcessFacts): string | null {
  const name = fileName(process);
  if (name === null) return null;
  const known = forwarders.find(({ files }) => files.some((file) => fits(name, file)));
  if (known === undefined) return null;
  // Without a command line to go by, the stricter reading holds.
  const isOne = known.when === undefined || process.commandLine === null || known.when.some((word) => process.commandLine?.includes(word));
  return isOne ? name : null;
}

const hasPath = ({ paths = [] }: KnownProgram, path: string): boolean => paths.some((part) => path.includes(part));

const withSlashes = (path: string): string => path.replaceAll('\\', '/');

const fits = (name: string, file: string): boolean => (file.endsWith('*') ? name.startsWith(file.slice(0, -1)) : name === file);
