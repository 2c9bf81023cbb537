// Preloaded to the bundle's start.cjs: prints whether V8 took the code that it was given.
const vm = require('node:vm');

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const isTaken = options.cachedData !== undefined && !this.cachedDataRejected;
    process.stdout.write(isTaken ? 'taken' : options.cachedData ? 'rejected by V8' : 'not given');
  }
};
