/** What `npm pack` needs besides tsc's output: data files in their place, declarations that name each other's real files, and the command. */
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const RELATIVE_TS = /((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g;

for (const file of globSync('dist/**/*.d.ts', { cwd: ROOT })) {
  writeFileSync(`${ROOT}${file}`, readFileSync(`${ROOT}${file}`, 'utf8').replace(RELATIVE_TS, '$1.js$2'));
}
mkdirSync(`${ROOT}dist/statemachine`, { recursive: true });
for (const file of globSync('statemachine/*.asl.json', { cwd: ROOT })) cpSync(`${ROOT}${file}`, `${ROOT}dist/${file}`);
// The console page is served as it is.
cpSync(`${ROOT}local/console/web`, `${ROOT}dist/local/console/web`, { recursive: true });
// The command needs Node 24; an older one hands over to the binary that comes along as an optional dependency.
writeFileSync(
  `${ROOT}dist/cli/bin.js`,
  `#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

if (Number(process.versions.node.split('.')[0]) >= 24) await import('./main.js');
else {
  let node;
  try {
    const name = \`node-\${process.platform}-\${process.arch}/package.json\`;
    node = join(dirname(createRequire(import.meta.url).resolve(name)), 'bin', 'node');
  } catch {
    process.stderr.write(\`Error: compactor needs Node 24; this is \${process.version}. Install it, and try again.\\n\`);
    process.exit(2);
  }
  const script = join(import.meta.dirname, 'main.js');
  const { status, signal } = spawnSync(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(status ?? 1);
}
`,
);
chmodSync(`${ROOT}dist/cli/bin.js`, 0o755);
