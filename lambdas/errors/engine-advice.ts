/** Where an engine is to be had, for every message that says that none runs here or that it is too old. */
export const ENGINE_ADVICE =
  'pip install chromadb brings a current one (Python 3.9 and glibc 2.17, or later); compactor engines lists ' +
  'what is here.';
