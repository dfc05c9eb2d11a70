/**
 * The UI's line to the agent: one value says how it stands. When the agent says that something has changed, what is shown is fetched
 * whole, one fetch at a time. When the line breaks nothing old is shown, and it is tried again. Which way it goes depends on where
 * the page is: over HTTP from a browser, over the bridge from a window of the desktop app.
 */
import type { Bridge } from '../../preload/contract/desktop.ts';
import { bridgeLine } from './bridge-line.ts';
import { takeCode } from './code.ts';
import { httpLine } from './http-line.ts';
import type { Line } from './line.ts';

export type { Connection, Line } from './line.ts';

/** The line of the UI, by whichever way there is. In a browser it takes the code out of the address, before anything else can see it. */
export const openLine = (bridge: Bridge | undefined): Line => (bridge === undefined ? httpLine(takeCode()) : bridgeLine(bridge, 'state'));
