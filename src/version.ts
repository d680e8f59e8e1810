/** The version of this release, as package.json has it. */
import packageFacts from '../package.json' with { type: 'json' };

export const version: string = packageFacts.version;
