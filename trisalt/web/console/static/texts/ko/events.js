/** Korean: events. */
export default {};
