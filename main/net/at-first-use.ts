/** The way out, loaded with the first request: a program that waits for a token that is at hand should not wait for TLS. */
import type { Clock, Ports } from '../ports.ts';
import type { Outbound } from './outbound.ts';

export function outboundAtFirstUse(parts: { env: NodeJS.ProcessEnv; clock: Clock }): Required<Pick<Ports, 'fetch' | 'trust'>> {
  let caFile: string | undefined;
  let loaded: Promise<Outbound> | undefined;
  const load = async (): Promise<Outbound> => (await import('./outbound.ts')).createOutbound(parts);
  return {
    async fetch(...given) {
      loaded ??= load();
      const line = await loaded;
      line.use(caFile);
      return line.fetch(...given);
    },
    trust(file) {
      caFile = file;
    },
  };
}
