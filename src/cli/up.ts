/** Starts a local federation and keeps it until stopped. */
import { type Call, several, text, usageError, type Verb, wholeNumber } from './verb.ts';

const noPort = -1;

export const up: Verb = {
  name: 'up',
  summary: 'starts a local federation: a hub and one gateway for each agency, until Ctrl-C',
  usage: ['[--directory DIR] [--plan FILE] [--hub-port PORT] [--port AGENCY=PORT]…'],
  options: {
    directory: { type: 'string' },
    plan: { type: 'string' },
    'hub-port': { type: 'string' },
    port: { type: 'string', multiple: true },
  },
  optionHelp: [
    { name: '--directory DIR', meaning: 'where it is kept; made on the first run (default: .comity)' },
    { name: '--plan FILE', meaning: 'the agencies (default: config/local-federation.yaml)' },
    { name: '--hub-port PORT', meaning: 'the port of the hub (default: of the plan); 0 is any free one' },
    { name: '--port AGENCY=PORT', meaning: 'the port of an agency’s API, as often as needed' },
  ],
  example: 'comity up --port gr.customs=8401',
  async run(call) {
    const { values, io } = call;
    const plan = text(values, 'plan');
    const hubPort = wholeNumber(values, 'hub-port', { min: 0, max: 65_535, otherwise: noPort });
    if (call.positionals.length > 0) throw usageError('`comity up` takes options only');
    await io.starters.up({
      directory: text(values, 'directory') ?? '.comity',
      ...(plan === undefined ? {} : { planFile: plan }),
      ...(hubPort === noPort ? {} : { hubPort }),
      ports: portsOf(call),
      env: io.env,
      signal: io.signal,
      say: call.say,
    });
  },
};

function portsOf({ values }: Call): Record<string, number> {
  return Object.fromEntries(
    several(values, 'port').map((given) => {
      const [, agency, port] = /^([a-z]{2}\.[a-z][a-z0-9-]*)=([0-9]{1,5})$/.exec(given) ?? [];
      if (agency === undefined || Number(port) > 65_535) {
        throw usageError(`\`--port ${given}\`: expected an agency and a port such as gr.customs=8401`);
      }
      return [agency, Number(port)];
    }),
  );
}
