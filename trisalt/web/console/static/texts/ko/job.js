/** Korean: job. */
export default {};
