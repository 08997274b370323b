/** Tests with a bug planted in the source: PLANTED_BUG='<name>' npx vitest run --config test/simulation/planted/vitest.config.ts <file> */
import { mergeConfig } from 'vitest/config';
import config from '../../../vitest.config.ts';
import { changeFor, changeSource } from './source.ts';
import { SOURCE_BUGS } from './source-bugs.ts';

const { PLANTED_BUG = '' } = process.env;
const bug = SOURCE_BUGS[PLANTED_BUG];
if (bug === undefined) throw new RangeError(`There is no bug "${PLANTED_BUG}" to plant.`);

export default mergeConfig(config, {
  root: new URL('../../..', import.meta.url).pathname,
  plugins: [
    {
      name: 'planted-bug',
      enforce: 'pre',
      transform: (source: string, id: string) => {
        const change = changeFor([bug.change], id);
        return change === undefined ? undefined : { code: changeSource(source, change), map: null };
      },
    },
  ],
});
