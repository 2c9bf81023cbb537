// Preloaded to start.cjs: writes the code of all functions that the program has called before its first line of log.
const fs = require('node:fs');
const vm = require('node:vm');

vm.Script = class extends vm.Script {
  constructor(source, options) {
    // The name is part of the code, and the path of this machine is not to be.
    super(source, { ...options, filename: 'buildkit-drain.cjs' });
    const { writeSync } = fs;
    fs.writeSync = (...args) => {
      fs.writeSync = writeSync;
      fs.writeFileSync(process.env.CODE_FILE, this.createCachedData());
      return writeSync(...args);
    };
  }
};
