/** Zod would try `new Function` to compile its schemas, which the page's policy forbids and reports. Imported before any schema is made. */
import { z } from 'zod';

z.config({ jitless: true });
