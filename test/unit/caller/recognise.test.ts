/** What kind of caller somebody is, from what was seen of them. */
import { describe, expect, it } from 'vitest';
import type { ProcessFacts } from '../../../main/caller/caller.ts';
import { recognise } from '../../../main/caller/recognise.ts';
import type { Sighting } from '../../../main/caller/sighting.ts';
import { facts, run } from './fake-processes.ts';

const bash = run('/usr/bin/bash');
const python = run('/usr/bin/python3.11', 'train.py');
const seen = (process: ProcessFacts, ancestors: ProcessFacts[] = [bash], change: Partial<Sighting> = {}) =>
  recognise({ process, ancestors, namespaces: 'ours', notebook: null, ...change }, []);

describe('a program', () => {
  it('is one when nothing else is known of it', () => {
    expect(seen(python, [bash], { notebook: 'churn.ipynb' })).toEqual({
      ...{ kind: 'program', process: python, ancestors: [bash], aiAgent: null, forwarder: null },
      ...{ interpreter: { name: 'python', script: 'train.py' }, notebook: 'churn.ipynb' },
    });
  });
});

describe('an AI agent', () => {
  it.each([
    [run('/home/ada/.local/bin/claude'), 'claude'],
    [run('/home/ada/.local/share/claude/versions/2.0.31'), 'claude'],
    [run('/usr/bin/node', '/usr/local/lib/node_modules/@anthropic-ai/claude-code/cli.js'), 'claude'],
    [run('/usr/bin/node', '--no-warnings', '/home/ada/.npm/bin/claude'), 'claude'],
    [facts({ executable: '/usr/bin/node', commandLine: ['claude'] }), 'claude'],
    [run('/opt/codex'), 'codex'],
    [run('/opt/codex (deleted)'), 'codex'],
    [run('/home/ada/.local/share/cursor-agent/versions/1/node', 'index.js'), 'cursor'],
    [run('/usr/share/cursor/cursor'), 'cursor'],
    [run('/usr/bin/node', '/usr/lib/node_modules/@github/copilot/index.js'), 'copilot'],
    [run('/opt/venv/bin/python3', '/opt/venv/bin/aider', '--model', 'x'), 'aider'],
    [run('/opt/venv/bin/python3', '-m', 'aider'), 'aider'],
    [run('/usr/bin/node', '/usr/bin/gemini'), 'gemini'],
    [run('/usr/bin/goose'), 'goose'],
    [run('/usr/bin/opencode'), 'opencode'],
    [run('/usr/bin/bash', '/usr/local/bin/cline'), 'cline'],
    [run('/opt/windsurf/windsurf'), 'windsurf'],
    [run('/usr/bin/node', '/x/@sourcegraph/amp/dist/main.js'), 'amp'],
    [run('C:\\Tools\\claude.exe'), 'claude'],
  ])('is known, itself or above the caller: %#', (agent, name) => {
    expect(seen(agent)).toMatchObject({ kind: 'ai-agent', aiAgent: name });
    expect(seen(python, [bash, agent, bash])).toMatchObject({ kind: 'ai-agent', aiAgent: name });
  });

  it('is not seen in a program that only mentions one', () => {
    for (const words of [['claude.txt'], ['-c', 'claude'], ['train.py', '/usr/bin/claude'], ['-m', 'claudette']]) {
      expect(seen(run('/usr/bin/python3', ...words)).kind).toBe('program');
    }
  });

  it('may be one that policy adds', () => {
    const house = (process: ProcessFacts) => recognise({ process, ancestors: [bash], namespaces: 'ours', notebook: null }, ['house-agent']);
    expect(house(run('/opt/house-agent'))).toMatchObject({ kind: 'ai-agent', aiAgent: 'house-agent' });
    expect(house(run('/usr/bin/node', '/opt/house-agent.mjs')).aiAgent).toBe('house-agent');
    expect(house(run('/usr/bin/python3', '-m', 'house-agent')).aiAgent).toBe('house-agent');
    expect(house(python).kind).toBe('program');
  });
});

describe('a forwarder', () => {
  it.each([
    '/usr/bin/ssh',
    '/usr/sbin/sshd',
    '/usr/bin/socat',
    '/usr/bin/nc.openbsd',
    '/usr/bin/ncat',
    '/usr/bin/docker-proxy',
    '/usr/bin/rootlessport',
    '/usr/bin/slirp4netns',
    '/usr/bin/pasta',
    '/usr/bin/pasta.avx2',
    '/usr/sbin/tailscaled',
    '/usr/bin/gvproxy',
    '/usr/bin/chisel',
    '/usr/bin/frpc',
    '/usr/bin/cloudflared',
    '/usr/bin/ngrok',
    'C:\\Windows\\System32\\wslrelay.exe',
    '/usr/bin/qemu-system-x86_64',
    '/usr/bin/socat (deleted)',
  ])('is %s', (executable) => {
    expect(seen(run(executable))).toMatchObject({ kind: 'forwarder', forwarder: expect.stringMatching(/^[\w.-]+$/) });
  });

  it('is kubectl when it forwards a port, or when its command line cannot be read', () => {
    expect(seen(run('/usr/bin/kubectl', '-n', 'x', 'port-forward', 'pod/a', '80')).kind).toBe('forwarder');
    expect(seen(facts({ executable: '/usr/bin/kubectl', commandLine: null })).kind).toBe('forwarder');
    expect(seen(run('/usr/bin/kubectl', 'get', 'pods')).kind).toBe('program');
  });

  it('is busybox called as nc', () => {
    expect(seen(facts({ executable: '/bin/busybox', commandLine: ['nc', '127.0.0.1'] })).kind).toBe('forwarder');
    expect(seen(facts({ executable: '/bin/busybox', commandLine: ['ls'] })).kind).toBe('program');
  });

  it('is not what merely runs below one: a shell over ssh is a program', () => {
    expect(seen(python, [bash, run('/usr/sbin/sshd')])).toMatchObject({ kind: 'program', forwarder: null });
  });
});

describe('the kind of a caller', () => {
  const claude = run('/usr/bin/claude');
  const ssh = run('/usr/bin/ssh');

  it('is container before anything else where namespaces differ', () => {
    expect(seen(ssh, [claude], { namespaces: 'others' })).toMatchObject({ kind: 'container', forwarder: 'ssh', aiAgent: 'claude' });
  });

  it('is unknown where the namespaces cannot be read, though the process is known', () => {
    expect(seen(ssh, [claude], { namespaces: 'unknown' })).toMatchObject({ kind: 'unknown', process: ssh });
  });

  it('is forwarder before ai-agent', () => {
    expect(seen(ssh, [claude])).toMatchObject({ kind: 'forwarder', aiAgent: 'claude' });
  });
});
