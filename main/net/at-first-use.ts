/** The way out, loaded with the first request: a program that waits for a token that is at hand should not wait for TLS. */
import type { Clock, Ports } from '../ports.ts';
import type { Authorities } from './ca-file.ts';
import type { Outbound } from './outbound.ts';

export function outboundAtFirstUse(parts: {
  env: NodeJS.ProcessEnv;
  clock: Clock;
}): Required<Pick<Ports, 'fetch' | 'trust' | 'certificates'>> {
  let authorities: Authorities = {};
  let loaded: Promise<Outbound> | undefined;
  let certificates: Outbound['certificates'] = () => [];
  const load = async (): Promise<Outbound> => {
    const line = (await import('./outbound.ts')).createOutbound(parts);
    certificates = line.certificates;
    return line;
  };
  return {
    async fetch(...given) {
      loaded ??= load();
      const line = await loaded;
      line.use(authorities);
      return line.fetch(...given);
    },
    trust(given) {
      authorities = given;
    },
    certificates: () => certificates(),
  };
}
