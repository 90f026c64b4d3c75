/* The views of the x-ray by name. Each has draw(context) and table(context). */

import { cgroups } from "./views/cgroups.js";
import { layers } from "./views/layers.js";
import { namespaces } from "./views/namespaces.js";
import { network } from "./views/network.js";
import { processes } from "./views/processes.js";
import { timeline } from "./views/timeline.js";

export const VIEWS = { processes, namespaces, cgroups, layers, network, timeline };
