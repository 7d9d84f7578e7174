/** English: the catalogue that all others are held against. One file for each part of the console. */
import console_ from "./en/console.js";
import events from "./en/events.js";
import fleet from "./en/fleet.js";
import frame from "./en/frame.js";
import job from "./en/job.js";
import keys from "./en/keys.js";
import minion from "./en/minion.js";
import admin from "./en/admin.js";
import parts from "./en/parts.js";

export default { ...frame, ...console_, ...job, ...events, ...fleet, ...keys, ...minion, ...admin, ...parts };
