/** English: events. */
export default {};
