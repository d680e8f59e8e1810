/** Runs one gateway by its configuration file. */
import { only, required, usageError, type Verb } from './verb.ts';

export const gateway: Verb = {
  name: 'gateway',
  summary: 'runs the gateway of one agency until it is stopped',
  usage: ['--config FILE'],
  options: { config: { type: 'string' } },
  optionHelp: [{ name: '--config FILE', meaning: 'the gateway’s YAML file' }],
  example: 'comity gateway --config /etc/comity/gateway.yaml',
  async run({ values, positionals, io }) {
    if (positionals.length > 0) throw usageError(`\`${only(positionals, 'nothing')}\` is not expected here`);
    return io.starters.gateway(required(values, 'config'));
  },
};
