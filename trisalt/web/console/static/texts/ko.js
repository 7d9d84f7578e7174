/** Korean. One file for each part of the console. */
import console_ from "./ko/console.js";
import events from "./ko/events.js";
import fleet from "./ko/fleet.js";
import frame from "./ko/frame.js";
import job from "./ko/job.js";
import keys from "./ko/keys.js";
import minion from "./ko/minion.js";
import admin from "./ko/admin.js";
import parts from "./ko/parts.js";

export default { ...frame, ...console_, ...job, ...events, ...fleet, ...keys, ...minion, ...admin, ...parts };
