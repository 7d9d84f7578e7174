/** English: console. */
export default {};
