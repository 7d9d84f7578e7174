/** What consoles and the house itself do all the time: not shown among jobs. Pure; the master has the same list, and a test holds the two together. */
import { globbed } from "./telling.js";

export const HOUSEKEEPING = [
  ...["saltutil.find_job", "saltutil.running", "saltutil.refresh_*", "saltutil.sync_*", "mine.update", "mine.send"],
  ...["runner.jobs.*", "runner.manage.*", "runner.cache.*", "runner.doc.*", "runner.config.*", "runner.presence.*"],
  ...["wheel.key.list*", "wheel.key.finger*", "wheel.minions.*", "wheel.config.values", "sys.doc"],
  ...["runner.fileserver.file_list", "runner.state.orchestrate_show_sls", "schedule.list", "beacons.list"],
];

const TESTS = HOUSEKEEPING.map(globbed);

/** Whether a function is one of those. @param {string} fun */
export const keepsHouse = (fun) => TESTS.some((test) => test(String(fun)));
