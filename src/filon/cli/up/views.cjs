// Mongo Express asks a collection for statistics and indexes before it shows its documents. The tables of a store are
// views, which have neither; without an answer Mongo Express shows nothing at all. Loaded by `node --require`.
'use strict';

const path = require('node:path');

const NOT_OF_VIEWS = 166;

function answerForViews(Collection, method, answer) {
  const ask = Collection.prototype[method];
  Collection.prototype[method] = async function (...given) {
    try {
      return await ask.apply(this, given);
    } catch (error) {
      if (error.code !== NOT_OF_VIEWS) throw error;
      return answer(this);
    }
  };
}

const program = process.argv[1]; // other commands of the same container run no program
if (program) {
  const { Collection } = require(require.resolve('mongodb', { paths: [path.dirname(path.resolve(program))] }));
  answerForViews(Collection, 'stats', async (view) => ({ count: await view.countDocuments(), indexSizes: {} }));
  answerForViews(Collection, 'indexes', () => []);
}
