#!/usr/bin/env node
/** `compactor`, as it is installed. */
import { onNode24 } from '../local/node-24.ts';

await onNode24(() => import('./main.ts'));
