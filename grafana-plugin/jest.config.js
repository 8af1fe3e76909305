// force timezone to UTC to allow tests to work regardless of local timezone
// generally used by snapshots, but can affect specific tests
process.env.TZ = 'UTC';

const scaffolded = require('./.config/jest.config');

const [transform] = Object.values(scaffolded.transform);

module.exports = {
  ...scaffolded,
  // Some of Grafana's dependencies have modules as .mjs, which the scaffold's pattern leaves out.
  // A busy machine is no reason to fail.
  testTimeout: 120_000,
  transform: { '^.+\\.m?(t|j)sx?$': transform },
};
