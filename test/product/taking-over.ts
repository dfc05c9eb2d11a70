/** Run as the product's user: a host that takes over from the agent that runs, as the desktop app does before it starts its own. */
import { AppError } from '../../main/app-error.ts';
import { ReportedFailure } from '../../main/cli/agent-client.ts';
import { takeOver } from '../../main/hand-over.ts';
import { systemClock } from '../../main/host-ports.ts';
import { findPlaces } from '../../main/places.ts';

try {
  const places = findPlaces({ env: process.env, uid: process.getuid?.() ?? -1 });
  process.stdout.write(JSON.stringify(await takeOver(places, systemClock)));
} catch (error) {
  const failure = error instanceof ReportedFailure ? error.failure : error instanceof AppError ? error.toFailure() : undefined;
  if (failure === undefined) throw error;
  process.stdout.write(JSON.stringify({ code: failure.code, reason: failure.reason ?? null }));
}
