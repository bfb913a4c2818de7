// Defines <exitless-stage>; the engine and the page for frames are in the folder of this file.

import { define } from './element.js';
import { configure } from './site.js';

configure({ embed: import.meta.url });
define();
