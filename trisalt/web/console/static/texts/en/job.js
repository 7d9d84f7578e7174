/** English: job. */
export default {};
