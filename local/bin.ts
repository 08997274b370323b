#!/usr/bin/env node
/** `compactor-local`, as installed: runs the embedded stack with its console until Ctrl-C. */
import { onNode24 } from './node-24.ts';

await onNode24(() => import('./main.ts'));
